"""What of the running machine goes into a program."""

from __future__ import annotations

import os
from pathlib import Path

from tracer_core.compose.composition import Machine

_POSSIBLE = Path("/sys/devices/system/cpu/possible")


def running_machine() -> Machine:
    """The machine we are on. CPUs are counted to the highest possible number, since programs index by it."""
    highest = _POSSIBLE.read_text().strip().replace(",", "-").rpartition("-")[2]
    return Machine(cpus=int(highest) + 1, architecture=os.uname().machine)
