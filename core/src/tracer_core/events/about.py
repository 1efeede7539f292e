"""What a file says of the run that it comes from."""

from __future__ import annotations

import os
import shlex
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from tracer_core import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracer_core.sections import ProbeInfo


@dataclass(frozen=True, slots=True)
class Split:
    """A file of a rotated set.

    Attributes:
        number: Of the file, from 0.
        limit: Bytes of each file.
    """

    number: int
    limit: int


@dataclass(frozen=True, slots=True)
class About:
    """A run: who recorded what, when, and on which machine.

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
        split: Which file of a rotated set this is, if it is of one.
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
    split: Split | None = None

    def __post_init__(self) -> None:
        """Refuse what no run is: files may be damaged.

        Raises:
            ValueError: a value is of another type, or no clock of events says that it began then.
        """
        names = {**self.collectors, **dict.fromkeys(self.sections, "")}
        texts = (self.writer, self.command, self.kernel_release, self.kernel_version, self.hardware)
        numbers = (self.started, self.clock_offset, *self.sections.values())
        if self.split is not None:
            numbers += (self.split.number, self.split.limit)
        for kind, what, values in ((str, "text", (*texts, *names, *names.values())), (int, "number", numbers)):
            for value in values:
                if type(value) is not kind:
                    raise ValueError(f"{str(value)[:40]!r} is no {what}")
        if not 0 <= self.started < 1 << 64:
            raise ValueError(f"it began at {self.started}")

    def continues(self, other: About) -> bool:
        """Whether this is the next file of the set that another is of."""
        return (
            self.split is not None
            and other.split is not None
            and self.split == replace(other.split, number=other.split.number + 1)
            and (self.command, self.kernel_version, self.started >= other.started)
            == (other.command, other.kernel_version, True)
        )


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
