"""Unique identifiers of flows."""

from __future__ import annotations

Ufid = tuple[int, ...]
"""Four 32-bit numbers."""


def ufid_text(ufid: Ufid) -> str:
    """An identifier as Open vSwitch writes and reads it."""
    first, second, third, fourth = ufid
    return f"{first:08x}-{second >> 16:04x}-{second & 0xFFFF:04x}-{third >> 16:04x}-{third & 0xFFFF:04x}{fourth:08x}"
