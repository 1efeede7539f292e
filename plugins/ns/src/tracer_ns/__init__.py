"""The network namespace of a packet: a collector for tracer."""
