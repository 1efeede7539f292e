"""Events that come in batches, and are taken one way or another."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from itertools import repeat
from operator import length_hint
from typing import TYPE_CHECKING

from tracer_core.events.select import rows_of
from tracer_core.files.interruption import uninterrupted
from tracer_core.python.event import Event
from tracer_core.python.known import known
from tracer_core.python.rows import BatchRows
from tracer_core.python.series import EventSeries

if TYPE_CHECKING:
    from tracer_core.events.batch import EventBatch


class Arriving(Iterator[Event]):
    """What takes them. What one way leaves of a batch, the next one takes: no event is lost in between."""

    def __init__(self) -> None:
        self._batch: EventBatch | None = None
        self._rows: Iterator[int] = iter(())  # those of the batch that are left
        self._events: Iterator[Event] = iter(())  # the same as objects
        self._series: list[int] = []  # of each event of the batch, left or not

    @abstractmethod
    def _wait(self) -> bool:
        """Wait until more has come; not at the end."""

    @abstractmethod
    def _read(self) -> EventBatch | None:
        """What has come, if there are events in it."""

    def __next__(self) -> Event:
        while True:
            event = next(self._events, None)
            if event is not None:
                return event
            if not self._more():
                raise StopIteration

    def _more(self) -> bool:
        """Wait for more, when all that were there are taken; not at the end."""
        if not self._wait():
            return False
        with uninterrupted():  # or they are gone
            batch = self._read()
            if batch is not None:
                self._series = batch.series.tolist() if batch.series is not None else list(range(batch.count))
                self._batch, self._rows = batch, iter(range(batch.count))
                self._events = map(Event, repeat(BatchRows(batch, known())), self._rows)
        return True

    def _journeys(self) -> Iterator[EventSeries]:
        """Events by journeys. All of one are in the same batch."""
        while (first := next(self, None)) is not None:
            yield EventSeries((first, *self._others()))

    def _others(self) -> Iterator[Event]:
        """What is left of the journey of the event that was taken last."""
        place = len(self._series) - length_hint(self._rows)
        while place < len(self._series) and self._series[place] == self._series[place - 1]:
            yield next(self._events)
            place += 1

    def _batches(self) -> Iterator[EventBatch]:
        """Events as columns."""
        while True:
            left = list(self._rows)
            if self._batch is not None and left:
                yield rows_of(self._batch, left)
            if not self._more():
                return
