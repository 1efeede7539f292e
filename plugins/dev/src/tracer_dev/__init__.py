"""The network device of a packet: a collector for tracer."""
