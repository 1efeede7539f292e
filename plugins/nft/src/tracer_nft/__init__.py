"""What nftables decides about packets: a collector for tracer."""
