"""Why packets are dropped: a collector for tracer."""
