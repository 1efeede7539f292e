"""Packets through Open vSwitch and back: a collector for tracer."""
