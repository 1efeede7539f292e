"""Trace packets through the Linux network stack: the core that collectors plug into."""

__version__ = "0.1.0"
