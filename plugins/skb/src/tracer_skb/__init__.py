"""The packet that a socket buffer carries: a collector for tracer."""
