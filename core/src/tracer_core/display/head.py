"""The first line of events: when, where and in which task."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from tracer_core.display.colour import bold
from tracer_core.display.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.events.batch import EventBatch
    from tracer_core.sections import ProbeInfo

_REMEMBERED = 1 << 14  # tasks


class Heads:
    """Makes the first lines of events.

    Args:
        utc: Times are shown as dates, in UTC.
        coloured: Places stand out.
    """

    def __init__(self, *, utc: bool, coloured: bool = False) -> None:
        self._utc = utc
        self._coloured = coloured
        self.clock_offset = 0
        """ns that the time of day was ahead of the clock of the events."""

    def of(self, batch: EventBatch) -> list[str]:
        """The first lines of the events of a batch."""
        header = batch.header
        times: Iterable[Any] = header["timestamp"].tolist()
        if self._utc:
            times = (utc(time + self.clock_offset) for time in times)
        tasks = map(task_text, *(header[name].tolist() for name in ("cpu", "comm", "pid", "tgid")))
        probes = [probe_text(probe, coloured=self._coloured) for probe in batch.probes]
        return [
            f"{time}{task}{probes[probe]}"
            for time, task, probe in zip(times, tasks, header["probe"].tolist(), strict=True)
        ]


def utc(time: int) -> str:
    """A time in ns since 1970 as date and time of day, in UTC, to the microsecond that has begun.

    What no calendar has stays a number.
    """
    seconds, ns = divmod(time, 1_000_000_000)
    try:
        date = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return str(time)
    return f"{date:%Y-%m-%d %H:%M:%S}.{ns // 1000:06d}"


def probe_text(probe: ProbeInfo, *, coloured: bool = False) -> str:
    """Where an event was taken, behind what comes before it on the line."""
    if not probe.symbol:
        return ""
    symbol = printable(probe.symbol)
    file = f" ({printable(probe.path.rpartition('/')[2])})" if "/" in probe.path else ""
    return f" [{printable(probe.label)}] {bold(symbol) if coloured else symbol}{file}"


@lru_cache(_REMEMBERED)
def task_text(cpu: int | None, comm: bytes | None, pid: int | None, tgid: int | None) -> str:
    """CPU and task, behind the time."""
    text = "" if cpu is None else f" ({cpu})"
    if comm is None:
        return text
    # thread and process are one in a task with a single thread: then one number says it
    return f"{text} [{printable(comm.decode(errors='replace'))}] {f'{pid}/' if pid != tgid else ''}{tgid}"
