"""The Python API for users: event files, events and runs as objects. Programs have it as ``tracer_core`` (ADR 0033)."""
