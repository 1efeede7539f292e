"""What the events of a file may have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from tracer_core.events.form import SectionForm
    from tracer_core.sections import ProbeInfo

USER_KINDS = frozenset(kind.value for kind in ProbeKind if kind.in_process)
"""Kinds of probes whose events are in ``userspace``; all others are in ``kernel``."""


def in_process(probe: ProbeInfo) -> bool:
    """Whether it is in a process."""
    return probe.kind in USER_KINDS


def is_nowhere(probe: ProbeInfo) -> bool:
    """Whether it stands for none: some events are of no probe."""
    return not (probe.symbol or probe.kind)


@dataclass(frozen=True, slots=True)
class Contents:
    """What the events of a file, or of a run, may have.

    Attributes:
        sections: In order.
        in_process: There may be probes in processes.
        undeclared: There may be what nobody here declares; see :class:`~tracer_core.events.batch.EventBatch`.
        is_sorted: Events are in series.
    """

    sections: tuple[SectionForm, ...]
    in_process: bool = False
    undeclared: bool = False
    is_sorted: bool = False
