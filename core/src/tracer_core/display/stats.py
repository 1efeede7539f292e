"""What a file holds, in the words of Retis."""

from __future__ import annotations

import logging
from collections import Counter
from typing import TYPE_CHECKING

from tracer_core.display.head import utc
from tracer_core.display.printable import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.sections import ProbeInfo

log = logging.getLogger(__name__)


class Stats:
    """Counts what one file holds.

    Args:
        about: What it says of its run.
        is_sorted: Its events are in series.
        follows: Of its run, another file of its set tells.
    """

    def __init__(self, about: About, *, is_sorted: bool, follows: bool) -> None:
        self._about = about
        self._is_sorted = is_sorted
        self._follows = follows
        self._probes: Counter[ProbeInfo] = Counter()
        self._nowhere = 0
        self._first: int | None = None
        self._last = 0
        self._series = 0
        self._number: int | None = None

    def add(self, batch: EventBatch) -> None:
        """Count some events. Those without a probe, which sessions of collectors report, are not among them."""
        times = batch.header["timestamp"].tolist()
        places = batch.places()
        counted = [time for time, probe in zip(times, places, strict=True) if probe.symbol]
        if counted:
            self._first = counted[0] if self._first is None else self._first
            self._last = max(self._last, *counted)
        self._nowhere += len(places) - len(counted)
        self._probes.update(probe for probe in places if probe.symbol)
        for number in batch.series.tolist() if batch.series is not None else ():
            self._series += number != self._number
            self._number = number

    def lines(self) -> Iterator[str]:
        """The text, line by line."""
        return map(printable, self._lines())

    def _lines(self) -> Iterator[str]:
        about = self._about
        if not self._follows:
            yield f"{_writer(about)} version: {_version(about)}"
            yield f"{_writer(about)} cmdline: {about.command}"
        if about.split is not None:
            yield ""
            yield f"Split index: {about.split.number}"
        if self._is_sorted:
            yield f"Number of series: {self._series}"
        yield f"Number of events: {self._probes.total()}"
        if self._nowhere:
            log.info("%d event(s) are of no probe, and are not counted", self._nowhere)
        if self._first is None:
            return
        yield f"First event at: {utc(self._first + about.clock_offset)}"
        yield f"Last event at: {utc(self._last + about.clock_offset)}"
        yield "Probes:"
        counts: Counter[str] = Counter()
        for probe, count in self._probes.items():
            counts[f"{probe.kind}/{probe.symbol}"] += count
        for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
            yield f"  {name}: {count}"


def _writer(about: About) -> str:
    return about.writer.partition(" ")[0]


def _version(about: About) -> str:
    return about.writer.partition(" ")[2]
