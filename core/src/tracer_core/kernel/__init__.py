"""The view of the traced kernel: what collectors and the planner may ask, live or recorded."""
