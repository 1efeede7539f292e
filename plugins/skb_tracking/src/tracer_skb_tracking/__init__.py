"""Which packet a socket buffer carries: a collector for tracer."""
