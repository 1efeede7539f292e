"""What runs change on the machine: made, undone, and undone later for runs that were killed (ADR 0025)."""
