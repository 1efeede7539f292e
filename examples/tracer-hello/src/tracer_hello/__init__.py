"""An example of a collector for tracer."""
