"""Journeys of packets: the events of one, one after the other."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from tracer_core.errors import RunError
from tracer_core.python.event import Event
from tracer_core.python.garbage import each
from tracer_core.python.html import rows
from tracer_core.python.known import known
from tracer_core.python.reading import AT_ONCE
from tracer_core.python.rows import BatchRows, StartupRows

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.events import EventSet

MOST = 100_000
"""Events of a file that wait for others of their packet, as tracer sort has it."""

_SHOWN = 100  # events of a journey, in notebooks


class EventSeries(Sequence[Event]):
    """The journey of a packet, or an event that is of none."""

    def __init__(self, events: Iterable[Event]) -> None:
        self._events = tuple(events)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> EventSeries: ...
    def __getitem__(self, index: int | slice) -> Event | EventSeries:
        return EventSeries(self._events[index]) if isinstance(index, slice) else self._events[index]

    def __len__(self) -> int:
        return len(self._events)

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    @property
    def duration(self) -> int:
        """Time from its first event to its last, in ns."""
        return self._events[-1].common.timestamp - self._events[0].common.timestamp if self._events else 0

    def to_list(self) -> list[dict[str, Any]]:
        """Its events as JSON has them."""
        return [event.to_dict() for event in self]

    def __str__(self) -> str:
        first, *others = (str(event) for event in self) if self._events else ("",)
        return "\n".join([first, *("  ↳ " + text.replace("\n", "\n    ") for text in others)])

    def __repr__(self) -> str:
        first = self._events[0].common.timestamp if self._events else None
        return f"EventSeries(ts = {first}, n_events = {len(self)})"

    def _repr_html_(self) -> str:
        first = self._events[0].common.timestamp if self._events else 0
        found = ((f"{(event.common.timestamp - first) / 1000:.1f}", event) for event in self._events[:_SHOWN])
        more = f"and {len(self) - _SHOWN} more" if len(self) > _SHOWN else ""
        return rows(("µs", "event"), found, more)


class SeriesReader(Iterator[EventSeries]):
    """The journeys of a sorted file, as Retis' library gives them: the first is the event that says what the run was.

    Args:
        path: Of the file.
        rotated: Go on with the files that follow it in its rotated set.
        startup: Give such an event.

    Raises:
        RunError: it is no event file, or not a sorted one.
        UsageError: there is no such file, or it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, rotated: bool = False, startup: bool = True) -> None:
        files = known().installed.open_set(Path(path), follow=rotated)
        if not files.contents.is_sorted:
            with files:
                what = "Cannot create a SeriesReader from an unsorted file. Use an EventReader instead"
                raise RunError(what)
        self._series = _stored(files, startup=startup)
        weakref.finalize(self._series, files.__exit__, None, None, None)

    def __iter__(self) -> Generator[EventSeries]:
        return self._series

    def __next__(self) -> EventSeries:
        return next(self._series)


def sorted_series(path: Path, *, rotated: bool, most: int) -> Generator[EventSeries]:
    """The journeys of files that are not sorted.

    Args:
        path: Of the first file.
        rotated: Go on with those that follow it in its rotated set.
        most: So many events may wait for others of their packet; 0 for any number.

    Raises:
        UsageError: no installed collector can tell which packet an event is of.
    """
    from tracer_core.sort.files import FileSorting  # noqa: PLC0415 - pyarrow takes its time

    installed = known().installed
    with installed.open_set(path, follow=rotated) as files:
        sorting = FileSorting(installed, files, most)
        yield from series_of(sorting.journeys(each(files.batches(sorting.at_once))))
        sorting.warn()


def _stored(files: EventSet, *, startup: bool) -> Generator[EventSeries]:
    def batches() -> Iterator[tuple[About, EventBatch]]:
        yield from ((files.about, batch) for batch in each(files.batches(AT_ONCE)))

    with files:
        yield from series_of(batches(), startup=startup)


def series_of(batches: Iterable[tuple[About, EventBatch]], *, startup: bool = False) -> Generator[EventSeries]:
    """The journeys in batches of sorted events. One that is in two of them is one.

    Args:
        batches: With the run that they are of.
        startup: Each run begins with an event that says what it was.
    """
    for _, found in groupby(_numbered(batches, startup=startup), lambda one: one[0]):
        yield EventSeries(event for _, event in found)


def _numbered(batches: Iterable[tuple[About, EventBatch]], *, startup: bool) -> Iterator[tuple[tuple[int, int], Event]]:
    """Events with the number of their run, and that of their series in it."""
    here, before, run = known(), None, 0
    for about, batch in batches:
        if about is not before:
            before, run = about, run + 1
            if startup:
                yield (run, -1), Event(StartupRows(about, here), 0)
        found = BatchRows(batch, here)
        numbers = batch.series.tolist() if batch.series is not None else range(batch.count)
        yield from (((run, number), Event(found, row)) for row, number in enumerate(numbers))
