"""What the lab may fail with."""

from __future__ import annotations


class LabError(Exception):
    """Expected trouble; the message is one line: what failed, and why."""


class UnavailableError(LabError):
    """Something the lab needs is not here: a program, a kernel, a mirror. Tests are skipped for this."""
