"""Events that wait, as rows of tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tracer_core.sort.journeys import EventPlaces

if TYPE_CHECKING:
    from tracer_core.events.batch import Numbers

_CHUNKS = 256


class Waiting:
    """Rows, in the order in which they came. Those that were taken stay until it is worth moving the others."""

    def __init__(self) -> None:
        self._chunks: list[tuple[pa.RecordBatch, EventPlaces]] = []
        self._taken = 0
        self.count = 0
        """Of rows that wait."""

    def add(self, rows: pa.RecordBatch, places: EventPlaces) -> None:
        """Add rows, and what is known of them."""
        self._chunks.append((rows, places))
        self.count += rows.num_rows

    def counts(self, journeys: int) -> Numbers:
        """How many rows there are of each of so many journeys. Those of one that is out count, too."""
        total = np.zeros(journeys, np.int64)
        for _, places in self._chunks:
            total += np.bincount(places.journey, minlength=journeys)
        return total

    def take(self, ranks: Numbers) -> tuple[pa.Table, EventPlaces, Numbers]:
        """Take the rows of some journeys.

        Args:
            ranks: Of each journey its place among those, or -1.

        Returns:
            A table with them, what is known of its rows, and the rows in the order of the journeys; not more than twice
            as many as were asked for are in the table.
        """
        tables, several, going_rows, base = [], [], [], 0
        for chunk in self._chunks:
            rows, places = chunk
            going = np.flatnonzero(ranks[places.journey] >= 0)
            if not len(going):
                continue
            if 2 * len(going) < rows.num_rows:
                rows, places = rows.take(pa.array(going)), places.take(going)
                going = np.arange(len(going))
            tables.append(rows)
            several.append(places)
            going_rows.append(going + base)
            base += rows.num_rows
        table, places = pa.Table.from_batches(tables).combine_chunks(), EventPlaces.joined(several)
        found = np.concatenate(going_rows)
        self.count -= len(found)
        self._taken += len(found)
        return table, places, found[np.argsort(ranks[places.journey[found]], kind="stable")]

    @property
    def is_sparse(self) -> bool:
        """Whether it is worth to :meth:`compact`."""
        return self._taken >= self.count or len(self._chunks) > _CHUNKS

    def compact(self, numbers: Numbers) -> None:
        """Let go of what was taken.

        Args:
            numbers: The new number of each journey, -1 for those that are out.
        """
        chunks: list[tuple[pa.RecordBatch, EventPlaces]] = []
        for rows, places in self._chunks:
            renumbered = numbers[places.journey]
            staying = np.flatnonzero(renumbered >= 0)
            if len(staying):
                kept = replace(places, journey=renumbered).take(staying)
                chunks.append((rows.take(pa.array(staying)), kept))
        self._chunks = chunks
        if len(chunks) > 1:
            table = pa.Table.from_batches([rows for rows, _ in chunks]).combine_chunks()
            self._chunks = [(table.to_batches()[0], EventPlaces.joined([places for _, places in chunks]))]
        self._taken = 0

    def earliest(self) -> int | None:
        """The earliest time of an event before one that waits, in ns, once compacted; nothing if none waits."""
        return min((_least(places.before) for _, places in self._chunks), default=None)


def _least(times: np.ndarray[Any, Any]) -> int:
    return int(times.min())
