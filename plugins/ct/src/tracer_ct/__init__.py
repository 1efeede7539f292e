"""The conntrack entry of a packet: a collector for tracer."""
