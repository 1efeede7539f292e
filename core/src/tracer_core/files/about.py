"""What a file says of the run that it comes from."""

from __future__ import annotations

import logging
import os
import shlex
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tracer_core import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from tracer_core.sections import ProbeInfo

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class About:
    """A run.

    Attributes:
        writer: Who recorded it: ``tracer 0.1.0``.
        command: Its command line, as a shell takes it.
        started: ns of ``CLOCK_MONOTONIC``.
        clock_offset: ns that ``CLOCK_REALTIME`` was ahead of ``CLOCK_MONOTONIC``.
        kernel_release: ``uname -r``.
        kernel_version: ``uname -v``.
        hardware: ``uname -m``.
        probes: In the order of the plan.
        collectors: Name to distribution and version: ``tracer-skb 0.1.0``.
        sections: Public name to version, of all that events may have.
    """

    writer: str
    command: str
    started: int
    clock_offset: int
    kernel_release: str
    kernel_version: str
    hardware: str
    probes: tuple[ProbeInfo, ...] = ()
    collectors: Mapping[str, str] = field(default_factory=dict)
    sections: Mapping[str, int] = field(default_factory=dict)


def clock_offset() -> int:
    """By how many ns the time of day, ``CLOCK_REALTIME``, is ahead of the clock of events, ``CLOCK_MONOTONIC``."""
    before, real, after = (
        time.clock_gettime_ns(clock) for clock in (time.CLOCK_MONOTONIC, time.CLOCK_REALTIME, time.CLOCK_MONOTONIC)
    )
    return real - (before + after) // 2


def about_run(
    command: Sequence[str],
    probes: Sequence[ProbeInfo],
    collectors: Mapping[str, str],
    sections: Mapping[str, int],
) -> About:
    """The run that begins now, on this machine.

    Args:
        command: Program and arguments.
        probes: See :class:`About`, as for the others.
        collectors: Ditto.
        sections: Ditto.
    """
    machine = os.uname()
    return About(
        writer=f"tracer {__version__}",
        command=shlex.join(command),
        started=time.clock_gettime_ns(time.CLOCK_MONOTONIC),
        clock_offset=clock_offset(),
        kernel_release=machine.release,
        kernel_version=machine.version,
        hardware=machine.machine,
        probes=tuple(probes),
        collectors=dict(collectors),
        sections=dict(sections),
    )


def tell_losses(path: Path, end: Mapping[str, Any]) -> None:
    """Warn whoever reads a file that its run lost events, or was stopped by an error.

    Args:
        path: Of the file.
        end: What it says at its end.
    """
    lost, missed, stopped = (end.get(name) for name in ("lost", "missed", "stopped"))
    if stopped:
        log.warning("%s: the run was stopped, and what came then is not in it: %s", path, stopped)
    if isinstance(lost, dict) and lost:
        log.warning("%s: events were lost in the run, and are not in it: %s", path, lost)
    if isinstance(missed, list) and missed:
        log.warning("%s: hits of probes were missed in the run: %s", path, missed)
