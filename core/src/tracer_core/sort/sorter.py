"""Events put together to the journeys of packets, in bounded memory: rows of a table are moved, nothing else."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tracer_core.events.batch import SectionColumns
from tracer_core.events.form import form_of
from tracer_core.files.arrow.batch import BatchMaker
from tracer_core.files.arrow.form import struct_of
from tracer_core.files.arrow.rows import Rows
from tracer_core.files.arrow.schema import SERIES, schema_of
from tracer_core.sections import TrackedSkb, Tracking, Unjoined
from tracer_core.sort.joins import Joins
from tracer_core.sort.journeys import Journeys
from tracer_core.sort.lookups import Lookups
from tracer_core.sort.losses import Losses
from tracer_core.sort.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch, Numbers
    from tracer_core.events.form import SectionForm
    from tracer_core.files.contents import Contents
    from tracer_core.sort.journeys import EventPlaces
    from tracer_core.types import Join, Lookup

log = logging.getLogger(__name__)

_TRACKING, _UNJOINED = form_of(Tracking), form_of(Unjoined)
_ROWS = 1 << 16  # of a batch that comes out, at most


def sorted_contents(contents: Contents, joins: Sequence[Join]) -> Contents:
    """What events have when they are sorted: last of all, their place in a journey.

    Args:
        contents: What they have before.
        joins: By which they are sorted, beside their identity.
    """
    more = (_TRACKING, _UNJOINED) if joins else (_TRACKING,)
    return replace(contents, sections=_without(contents, _TRACKING, _UNJOINED) + more, is_sorted=True)


def _without(contents: Contents, *forms: SectionForm) -> tuple[SectionForm, ...]:
    names = {form.name for form in forms}
    return tuple(form for form in contents.sections if form.name not in names)


def warn_unjoined(counts: Mapping[str, int]) -> None:
    """Say how many events belong to journeys that were not found.

    Args:
        counts: By the key space in which they were looked for.
    """
    if counts:
        by_space = ", ".join(f"{count} by {space}" for space, count in sorted(counts.items()))
        what = "%d event(s) belong to journeys that were not found (%s): what comes before them is missing"
        log.warning(what, sum(counts.values()), by_space)


class Sorter:
    """Takes events in any order and gives them journey by journey, the earliest first.

    A journey is what one packet's events are, and those that are joined to them; any other event of no packet is one
    of its own. When more events wait than may, the earliest journeys come out; what comes later of them is a journey
    again, whose numbers go on.

    Args:
        contents: What the events may have.
        about: Their run.
        identity: Public name of the section that says which packet an event is of: its fields are those of
            :class:`~tracer_core.sections.TrackedSkb`.
        most: Events that may wait; 0 for any number.
        joins: What else says which journey an event is of.
        lookups: What events are told by others.
        waits: Journeys that ask for what is not known wait for a moment when their data is freed.
    """

    def __init__(
        self,
        contents: Contents,
        about: About,
        identity: str,
        most: int,
        joins: Sequence[Join] = (),
        *,
        lookups: Sequence[Lookup] = (),
        waits: bool = False,
    ) -> None:
        plain = replace(contents, sections=_without(contents, _TRACKING, _UNJOINED), is_sorted=False)
        contents = sorted_contents(contents, joins)
        self._schema = schema_of(contents, about)
        self._rows = Rows(schema_of(plain, about))
        self._make = BatchMaker(self._schema, about, contents)
        self._identity = identity
        self._most = most
        self._joins = Joins(joins)
        self._lookups = Lookups(lookups)
        self._waits = waits
        self._journeys = Journeys()
        self._waiting = Waiting()
        self._losses = Losses()
        self._series = 0

    @property
    def waiting(self) -> int:
        """How many events wait for the rest of their journey."""
        return self._waiting.count

    @property
    def given(self) -> int:
        """Journeys that came out so far; one that was cut counts again."""
        return self._series

    @property
    def unjoined(self) -> Counter[str]:
        """Events whose journey was not found so far, by the key space in which it was looked for."""
        spaces = self._joins.spaces
        return Counter({spaces[space - 1]: count for space, count in self._journeys.unjoined.items()})

    def add(self, batch: EventBatch) -> Iterator[EventBatch]:
        """Take events. What comes out is given."""
        if not batch.count:
            return
        self._losses.look(batch)
        rows, times, packets = self._rows.batch(batch), batch.header["timestamp"].tolist(), self._packets(batch)
        keyed = self._joins.of(batch)
        self._lookups.learn(batch)
        asking = sorted(set(self._lookups.unanswered(batch))) if self._waits else ()
        first = 0
        while first < batch.count:
            last = min(batch.count, first + self._most - self.waiting) if self._most else batch.count
            places = self._journeys.add(times[first:last], packets[first:last], keyed, first)
            for row in asking:
                if first <= row < last:
                    self._journeys.linger(int(places.journey[row - first]))
            self._waiting.add(rows.slice(first, last - first), places)
            first = last
            if self._most and self.waiting >= self._most:
                # half of them, so that those which stay are not moved again at once
                yield from self._flush(self._most // 2)

    def held(self, packets: Iterable[tuple[int, int, int]]) -> None:
        """Learn what became of packets' data.

        Args:
            packets: Of each when it was first seen, where its data was, and in how many more places it is now.
        """
        for first, head, more in packets:
            self._journeys.held((first, head), more)

    def release(self, now: int, silent_since: int | None = None) -> Iterator[EventBatch]:
        """Give the journeys that have ended, by what became of their packets' data, and events of no packet.

        Args:
            now: In ns of the clock of events.
            silent_since: Give those, too, of which nothing was heard since then.
        """
        going = set(self._journeys.ended(now))
        if silent_since is not None:
            going.update(self._journeys.silent(silent_since))
        if going:
            yield from self._let_go(self._ordered(np.array(sorted(journey.number for journey in going))))

    def finish(self) -> Iterator[EventBatch]:
        """Give the journeys that still wait, at the end of the events."""
        if self.waiting:
            yield from self._flush(0)

    def _packets(self, batch: EventBatch) -> list[Sequence[int] | None]:
        """Of each event what says which packet it is of."""
        packets: list[Sequence[int] | None] = [None] * batch.count
        section = next((found for found in batch.sections if found.form.name == self._identity), None)
        if section is not None:
            columns = (_list(section, name) for name in TrackedSkb._fields)
            for row, identity in zip(section.rows_in(batch), zip(*columns, strict=True), strict=True):
                packets[row] = identity
        return packets

    def _flush(self, most: int) -> Iterator[EventBatch]:
        """Give the earliest journeys until no more than so many events wait."""
        journeys = self._journeys.waiting
        order = self._ordered(np.array([at for at, journey in enumerate(journeys) if journey.number == at]))
        left = self.waiting - np.cumsum(self._waiting.counts(len(journeys))[order])
        last = int(np.searchsorted(-left, -most))  # the first journey with which few enough wait
        yield from self._let_go(order[: last + 1])

    def _ordered(self, numbers: Numbers) -> Numbers:
        """Journeys in the order in which they come out."""
        journeys = [self._journeys.waiting[number] for number in numbers.tolist()]
        begins = np.array([journey.begins for journey in journeys], np.uint64)
        heads = np.array([journey.key[1] if journey.key else 0 for journey in journeys], np.uint64)
        # of one time, events of no packet come first
        is_tracked = np.array([journey.key is not None for journey in journeys])
        order: Numbers = numbers[np.lexsort((heads, is_tracked, begins))]
        return order

    def _let_go(self, numbers: Numbers) -> Iterator[EventBatch]:
        """Give journeys, in this order."""
        journeys = self._journeys.waiting
        ranks = np.full(len(journeys), -1)
        ranks[numbers] = np.arange(len(numbers))
        yield from self._give(*self._waiting.take(ranks))
        self._journeys.leave([journeys[number] for number in numbers.tolist()])
        if self._waiting.is_sparse:
            newest = max(journey.last for journey in journeys)
            self._waiting.compact(self._journeys.renumber())
            earliest = self._waiting.earliest()
            self._losses.forget(newest if earliest is None else earliest)

    def _give(self, table: pa.Table, places: EventPlaces, rows: Numbers) -> Iterator[EventBatch]:
        journeys = places.journey[rows]
        series = np.cumsum(np.diff(journeys, prepend=journeys[0]) != 0) + self._series
        self._series = int(series[-1]) + 1
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            known = places.take(some)
            more = {
                _TRACKING.name: self._tracking(known),
                _UNJOINED.name: self._unjoined(known),
                SERIES: pa.array(series[first : first + _ROWS], pa.uint64()),
            }
            taken = table.take(pa.array(some)).combine_chunks().to_batches()[0]
            columns = [more[name] if name in more else taken.column(name) for name in self._schema.names]
            yield self._lookups.filled(self._make.batch(pa.RecordBatch.from_arrays(columns, schema=self._schema)))

    def _tracking(self, places: EventPlaces) -> pa.Array:
        """The section that says which journeys events are of, and where in them."""
        journeys = [self._journeys.waiting[number] for number in places.journey.tolist()]
        missing = np.array([journey.key is None for journey in journeys])
        times, heads = zip(*(journey.key or (0, 0) for journey in journeys), strict=True)
        numbered, losses, packet = struct_of(_TRACKING).fields
        skb = (heads, times, [journey.skb for journey in journeys])  # as TrackedSkb has them
        lost = self._losses.between(places.before, places.time)
        arrays = [
            pa.array(places.place, numbered.type),
            pa.array(lost, losses.type, mask=lost == 0),
            pa.StructArray.from_arrays([pa.array(values, pa.uint64()) for values in skb], fields=list(packet.type)),
        ]
        return pa.StructArray.from_arrays(arrays, fields=[numbered, losses, packet], mask=pa.array(missing))

    def _unjoined(self, places: EventPlaces) -> pa.Array:
        """The section of events whose journey was not found."""
        kind = struct_of(_UNJOINED)
        if not places.unjoined.any():
            return pa.nulls(len(places.unjoined), kind)
        missing = places.unjoined == 0
        indices = pa.array(np.where(missing, 0, places.unjoined - 1), pa.int32())
        names = pa.DictionaryArray.from_arrays(indices, pa.array(self._joins.spaces, pa.string()))
        return pa.StructArray.from_arrays([names], fields=list(kind), mask=pa.array(missing))


def _list(section: SectionColumns, name: str) -> list[int]:
    column = section.columns[name]
    return [] if column is None or isinstance(column, SectionColumns) else column.tolist()
