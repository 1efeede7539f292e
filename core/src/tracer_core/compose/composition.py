"""The result of composing: C text and what a backend must know to load and attach it. A plain value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """A function of the text that becomes a loaded program, once for each probe it serves.

    Attributes:
        function: Its name in the text.
        typed: It loads members plainly, so it must be loaded with the type of what it is attached to.
        probes: Indices of the plan's probes.
    """

    function: str
    typed: bool
    probes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Machine:
    """What of the machine goes into the text.

    Attributes:
        cpus: Possible CPUs.
        ring_pages: Pages of the ring buffer, a power of two.
        architecture: ``uname -m``.
    """

    cpus: int
    ring_pages: int = 2048
    architecture: str = "x86_64"


@dataclass(frozen=True, slots=True)
class Composition:
    """A program ready to compile.

    Attributes:
        text: C.
        programs: What to load.
        cpus: Possible CPUs it was composed for.
    """

    text: str
    programs: tuple[ProgramSpec, ...]
    cpus: int


EVENTS_MAP = "tracer_events"
LOST_MAP = "tracer_lost"
ENABLED_MAP = "tracer_enabled"
PROBE_INDEX = 0x7ACE7ACE00000001
"""Constant in the compiled code in whose place the loader puts a probe's index (``runtime.bpf.h``)."""
