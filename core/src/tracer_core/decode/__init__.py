"""From the records of the ring to columns of events."""
