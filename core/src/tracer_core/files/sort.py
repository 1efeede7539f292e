"""Events put together to the journeys of packets, in bounded memory: rows of a table are moved, nothing else."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tracer_core.events.batch import SectionColumns
from tracer_core.events.form import form_of
from tracer_core.files.arrow_batch import BatchMaker
from tracer_core.files.arrow_form import struct_of
from tracer_core.files.arrow_rows import Rows
from tracer_core.files.arrow_schema import SERIES, schema_of
from tracer_core.files.sort_losses import Losses
from tracer_core.sections import TrackedSkb, Tracking

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch, Numbers
    from tracer_core.files.contents import Contents

    Key = tuple[int, int]
    Times = np.ndarray[Any, np.dtype[np.uint64]]

_TRACKING = form_of(Tracking)
_REMEMBERED = 1 << 16  # journeys that are out already and may go on
_ROWS = 1 << 16  # of a batch that comes out, at most


def sorted_contents(contents: Contents) -> Contents:
    """What events have when they are sorted: last of all, their place in a journey."""
    others = (form for form in contents.sections if form.name != _TRACKING.name)
    return replace(contents, sections=(*others, _TRACKING), is_sorted=True)


@dataclass(slots=True)
class _Journey:
    """What is known of one.

    Attributes:
        key: Of its packet: when that was first seen, and where its data was; nothing for an event of no packet.
        begins: When it begins, in ns: the earliest comes out first.
        skb: Of its first event.
        count: Of its events.
        last: When the last of them was.
    """

    key: Key | None
    begins: int
    skb: int = 0
    count: int = 0
    last: int = 0


@dataclass(frozen=True, slots=True)
class _Told:
    """What is known of each event that waits.

    Attributes:
        journey: Number of its journey among those that wait.
        place: Its number in that.
        time: When it was.
        before: When the event before in the journey was; for the first, its own time.
    """

    journey: Numbers
    place: Numbers
    time: Times
    before: Times

    @classmethod
    def joined(cls, several: Sequence[_Told]) -> _Told:
        """That of several batches."""
        return cls(
            np.concatenate([told.journey for told in several]),
            np.concatenate([told.place for told in several]),
            np.concatenate([told.time for told in several]),
            np.concatenate([told.before for told in several]),
        )

    def take(self, rows: Numbers) -> _Told:
        """That of some of the events."""
        return _Told(self.journey[rows], self.place[rows], self.time[rows], self.before[rows])


class Sorter:
    """Takes events in any order and gives them journey by journey, the earliest first.

    A journey is what one packet's events are; an event of no packet is one of its own. When more events wait than
    may, the earliest journeys come out; what comes later of them is a journey again, whose numbers go on.

    Args:
        contents: What the events may have.
        about: Their run.
        identity: Public name of the section that says which packet an event is of: its fields are those of
            :class:`~tracer_core.sections.TrackedSkb`.
        most: Events that may wait; 0 for any number.
    """

    def __init__(self, contents: Contents, about: About, identity: str, most: int) -> None:
        contents = sorted_contents(contents)
        self._schema = schema_of(contents, about)
        self._plain = schema_of(replace(contents, sections=contents.sections[:-1], is_sorted=False), about)
        self._rows = Rows(self._plain)
        self._make = BatchMaker(self._schema, about, contents)
        self._identity = identity
        self._most = most
        self._waiting: list[pa.RecordBatch] = []
        self._told: list[_Told] = []
        self._journeys: list[_Journey] = []
        self._open: dict[Key, int] = {}
        self._out: OrderedDict[Key, _Journey] = OrderedDict()
        self._losses = Losses()
        self._series = 0
        self.waiting = 0
        """Events that wait."""

    def add(self, batch: EventBatch) -> Iterator[EventBatch]:
        """Take events. What comes out is given."""
        if not batch.count:
            return
        self._losses.look(batch)
        rows, times, packets = self._rows.batch(batch), batch.header["timestamp"].tolist(), self._packets(batch)
        first = 0
        while first < batch.count:
            last = min(batch.count, first + self._most - self.waiting) if self._most else batch.count
            self._waiting.append(rows.slice(first, last - first))
            self._told.append(self._tell(times[first:last], packets[first:last]))
            self.waiting += last - first
            first = last
            if self._most and self.waiting >= self._most:
                # half of them, so that those which stay are not moved again at once
                yield from self._flush(self._most // 2)

    def finish(self) -> Iterator[EventBatch]:
        """Give what waits."""
        if self.waiting:
            yield from self._flush(0)

    def _packets(self, batch: EventBatch) -> list[Sequence[int] | None]:
        """Of each event what says which packet it is of."""
        packets: list[Sequence[int] | None] = [None] * batch.count
        section = next((found for found in batch.sections if found.form.name == self._identity), None)
        if section is not None:
            columns = (_list(section, name) for name in TrackedSkb._fields)
            for row, told in zip(section.rows_in(batch), zip(*columns, strict=True), strict=True):
                packets[row] = told
        return packets

    def _tell(self, times: Sequence[int], packets: Sequence[Sequence[int] | None]) -> _Told:
        journeys, places, before = [], [], []
        for time, packet in zip(times, packets, strict=True):
            number = self._journey(time, packet)
            journey = self._journeys[number]
            journeys.append(number)
            places.append(journey.count)
            before.append(journey.last if journey.count else time)
            journey.count += 1
            journey.last = time
        return _Told(np.array(journeys), np.array(places), np.array(times, np.uint64), np.array(before, np.uint64))

    def _journey(self, time: int, packet: Sequence[int] | None) -> int:
        """The number of an event's journey, which may begin with it."""
        if packet is None:
            self._journeys.append(_Journey(None, time))
            return len(self._journeys) - 1
        head, first, skb = packet
        key = first, head
        number = self._open.get(key)
        if number is None:
            number = self._open[key] = len(self._journeys)
            known = self._out.pop(key) if key in self._out else _Journey(key, first, skb)
            self._journeys.append(known)
        return number

    def _flush(self, most: int) -> Iterator[EventBatch]:
        """Give the earliest journeys until no more than so many events wait."""
        table = pa.Table.from_batches(self._waiting).combine_chunks()
        told = _Told.joined(self._told)
        rank = self._ranks()
        ranks = rank[told.journey]
        left = self.waiting - np.cumsum(np.bincount(ranks, minlength=len(rank)))
        last = int(np.searchsorted(-left, -most))  # the first journey with which few enough wait
        going = np.flatnonzero(ranks <= last)
        going = going[np.argsort(ranks[going], kind="stable")]
        yield from self._give(table, told, going)
        self._keep(table, told, np.flatnonzero(ranks > last), rank > last)

    def _ranks(self) -> Numbers:
        """The place of each journey in the order in which they come out."""
        begins = np.array([journey.begins for journey in self._journeys], np.uint64)
        heads = np.array([journey.key[1] if journey.key else 0 for journey in self._journeys], np.uint64)
        # of one time, events of no packet come first
        is_tracked = np.array([journey.key is not None for journey in self._journeys])
        order = np.lexsort((heads, is_tracked, begins))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        return rank

    def _give(self, table: pa.Table, told: _Told, rows: Numbers) -> Iterator[EventBatch]:
        journeys = told.journey[rows]
        series = np.cumsum(np.diff(journeys, prepend=journeys[0]) != 0) + self._series
        self._series = int(series[-1]) + 1
        for first in range(0, len(rows), _ROWS):
            some = rows[first : first + _ROWS]
            more = {
                _TRACKING.name: self._tracking(told.take(some)),
                SERIES: pa.array(series[first : first + _ROWS], pa.uint64()),
            }
            taken = table.take(pa.array(some)).combine_chunks().to_batches()[0]
            columns = [more[name] if name in more else taken.column(name) for name in self._schema.names]
            yield self._make.batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))

    def _tracking(self, told: _Told) -> pa.Array:
        """The section that says which journeys events are of, and where in them."""
        journeys = [self._journeys[number] for number in told.journey.tolist()]
        missing = np.array([journey.key is None for journey in journeys])
        times, heads = zip(*(journey.key or (0, 0) for journey in journeys), strict=True)
        numbered, losses, packet = struct_of(_TRACKING).fields
        skb = (heads, times, [journey.skb for journey in journeys])  # as TrackedSkb has them
        lost = self._losses.between(told.before, told.time)
        arrays = [
            pa.array(told.place, numbered.type),
            pa.array(lost, losses.type, mask=lost == 0),
            pa.StructArray.from_arrays([pa.array(values, pa.uint64()) for values in skb], fields=list(packet.type)),
        ]
        return pa.StructArray.from_arrays(arrays, fields=[numbered, losses, packet], mask=pa.array(missing))

    def _keep(self, table: pa.Table, told: _Told, rows: Numbers, stays: np.ndarray[Any, Any]) -> None:
        """Go on with those events and journeys alone."""
        self._waiting = table.take(pa.array(rows)).combine_chunks().to_batches() if len(rows) else []
        number = np.cumsum(stays) - 1
        kept = told.take(rows)
        self._told = [replace(kept, journey=number[kept.journey])] if len(rows) else []
        self.waiting = len(rows)
        staying = []
        for journey, stay in zip(self._journeys, stays.tolist(), strict=True):
            if stay:
                staying.append(journey)
            elif journey.key is not None:
                self._out[journey.key] = journey
        while len(self._out) > _REMEMBERED:
            self._out.popitem(last=False)
        self._journeys = staying
        self._open = {journey.key: at for at, journey in enumerate(staying) if journey.key is not None}
        self._losses.forget(int(kept.before.min()) if len(rows) else int(told.time.max()))


def _list(section: SectionColumns, name: str) -> list[int]:
    column = section.columns[name]
    return [] if column is None or isinstance(column, SectionColumns) else column.tolist()
