"""Journeys: the events of packets put together, from files and while they come (ADR 0020, 0022, 0027)."""
