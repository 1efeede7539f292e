"""Sizes on the command line."""

from __future__ import annotations

import re

import click

_SIZE = re.compile(r"(\d+) *([KMG]?)(?:i?B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
_MOST = 1 << 30  # bytes: what a map and its two mappings can well have


def size(text: str) -> int:
    """Bytes: of ``4096``, ``64K``, ``32M`` or ``1G``. Units are powers of 1024.

    Raises:
        click.BadParameter: it is no such text, nothing, or more than 1G.
    """
    match = _SIZE.fullmatch(text.strip())
    found = int(match[1]) * _UNITS[match[2].upper()] if match else 0
    if not 0 < found <= _MOST:
        raise click.BadParameter(f"{text!r} is not a size like 64K, 32M or 1G, the largest")
    return found


_LIMIT = re.compile(r"(\d+) *([KMG])B?", re.IGNORECASE)
_DECIMAL = {"K": 10**3, "M": 10**6, "G": 10**9}
_LEAST = 100_000  # bytes: room for what a file says of its run, and for events


def file_size(text: str) -> int:
    """Bytes: of ``10MB`` or ``1GB``. Units are powers of 1000, as in Retis; the B may be left out.

    Raises:
        click.BadParameter: it is no such text, or less than 100KB.
    """
    match = _LIMIT.fullmatch(text.strip())
    found = int(match[1]) * _DECIMAL[match[2].upper()] if match else 0
    if found < _LEAST:
        raise click.BadParameter(f"{text!r} is not a size of files like 10MB or 1GB, 100KB the least")
    return found
