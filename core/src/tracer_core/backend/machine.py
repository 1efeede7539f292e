"""What of the running machine goes into a program."""

from __future__ import annotations

import mmap
import os
from pathlib import Path

from tracer_core.compose.composition import Machine

DEFAULT_RING = 32 << 20
"""Bytes: a sixth of a second of a million packets per second."""

_POSSIBLE = Path("/sys/devices/system/cpu/possible")


def running_machine(ring_size: int = DEFAULT_RING) -> Machine:
    """The machine we are on. CPUs are counted to the highest possible number, since programs index by it.

    Args:
        ring_size: Bytes that the ring buffer shall have at least.
    """
    highest = _POSSIBLE.read_text().strip().replace(",", "-").rpartition("-")[2]
    pages = 1 << (-(-ring_size // mmap.PAGESIZE) - 1).bit_length()
    return Machine(cpus=int(highest) + 1, ring_pages=pages, architecture=os.uname().machine)
