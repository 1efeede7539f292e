"""Packets of events as pcapng (ADR 0034)."""
