"""Journeys while events come: each is given to the outputs when it has ended."""

from __future__ import annotations

import gc
import time
from typing import TYPE_CHECKING, Any

from tracer_core.decode.columns import ColumnDecoder
from tracer_core.plugins.joins import joins_of
from tracer_core.run.sinks import about, contents
from tracer_core.sort.sorter import Sorter, sorted_contents, warn_unjoined
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.sinks import BatchOutput
    from tracer_core.run.summary import Summary
    from tracer_core.run.tracked_data import TrackedDataRecords
    from tracer_core.types import Join

_EVERY = 0.1  # seconds between looks at what has ended: each costs a millisecond or two
# journeys that wait or are remembered make no cycles; to look for some among them takes more time than all else
_GARBAGE = (200_000, 20, 100)
_SILENT_EVERY = 1_000_000_000  # ns between looks at what nothing was heard of, which are at all that wait


class SortSink:
    """Decodes batches, sorts them, and gives journeys as they end. At the end of the run all others come out.

    Args:
        prepared: The run, with a collector that says which packet an event is of.
        tracked_data: What becomes of packets' data.
        outputs: Take journeys, as :meth:`~tracer_core.sort.sorter.Sorter.finish` gives them.
        most: Events that may wait; 0 for any number.
        timeout: ns after which a journey has ended of which nothing is heard.
        live: Events come now: the clock tells how long nothing was heard. Otherwise the events themselves do.
        summary: Is shown what was decoded, and told how many journeys there were.
    """

    def __init__(
        self,
        prepared: Prepared,
        tracked_data: TrackedDataRecords,
        outputs: Sequence[BatchOutput],
        *,
        most: int,
        timeout: int,
        live: bool,
        summary: Summary | None = None,
    ) -> None:
        self._decoder = ColumnDecoder(prepared.plan, prepared.readers)
        self._summary = summary
        lookups = tuple(lookup for declaration in prepared.declarations for lookup in declaration.spec.lookups)
        reported = {layout.cls for layout in prepared.reported}
        self._sorter = Sorter(
            contents(prepared),
            about(prepared),
            _identity(prepared),
            most,
            _joins(prepared),
            lookups=lookups,
            waits=any(lookup.source in reported for lookup in lookups),
        )
        self._tracked_data = tracked_data
        self._outputs = outputs
        self._timeout = timeout
        self._live = live
        self._now = 0  # of events, in ns
        self._due = 0.0
        self._silent_due = 0
        self._garbage = gc.get_threshold()
        gc.set_threshold(*_GARBAGE)

    def take(self, batch: Batch) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        decoded = self._decoder.decode(batch)
        if self._summary is not None:
            self._summary.look(decoded)
        self._now = max(self._now, *decoded.header["timestamp"].tolist())
        self._write(self._sorter.add(decoded))
        if time.monotonic() >= self._due:
            self._release()

    def add(self, events: EventBatch) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        self._write(self._sorter.add(events))

    def tick(self) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        if self._live:
            self._now = max(self._now, time.clock_gettime_ns(time.CLOCK_MONOTONIC))
        self._release()
        for output in self._outputs:
            output.tick()

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        gc.set_threshold(*self._garbage)
        self._write(self._sorter.finish())
        if self._summary is not None:
            self._summary.journeys = self._sorter.given
        for output in self._outputs:
            output.end(facts)
        warn_unjoined(self._sorter.unjoined)

    def _release(self) -> None:
        self._due = time.monotonic() + _EVERY
        # what is told of data stands behind the packet's events, and those were taken
        self._sorter.held(self._tracked_data.take())
        since = None
        if self._now >= self._silent_due:
            self._silent_due = self._now + min(_SILENT_EVERY, self._timeout)
            since = self._now - self._timeout
        self._write(self._sorter.release(self._now, since))

    def _write(self, batches: Iterable[EventBatch]) -> None:
        for batch in batches:
            for output in self._outputs:
                output.write(batch)


def sorted_run(prepared: Prepared) -> Contents:
    """What the events of a run have when they are sorted."""
    return sorted_contents(contents(prepared), _joins(prepared))


def _identity(prepared: Prepared) -> str:
    sections = (declaration.spec.identity for declaration in prepared.declarations)
    return next(layout_of(section).name for section in sections if section is not None)


def _joins(prepared: Prepared) -> tuple[Join, ...]:
    return tuple(join for declaration in prepared.declarations for join in joins_of(declaration.spec))
