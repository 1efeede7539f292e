"""Events that wait, as rows of tables."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tracer_core.files.sort_journeys import Told

if TYPE_CHECKING:
    from tracer_core.events.batch import Numbers

_CHUNKS = 256


class Waiting:
    """Rows, in the order in which they came. Those that were taken stay until it is worth moving the others."""

    def __init__(self) -> None:
        self._chunks: list[tuple[pa.RecordBatch, Told]] = []
        self._taken = 0
        self.count = 0
        """Of rows that wait."""

    def add(self, rows: pa.RecordBatch, told: Told) -> None:
        """Add rows, and what is known of them."""
        self._chunks.append((rows, told))
        self.count += rows.num_rows

    def counts(self, journeys: int) -> Numbers:
        """How many rows there are of each of so many journeys. Those of one that is out count, too."""
        total = np.zeros(journeys, np.int64)
        for _, told in self._chunks:
            total += np.bincount(told.journey, minlength=journeys)
        return total

    def take(self, ranks: Numbers) -> tuple[pa.Table, Told, Numbers]:
        """Take the rows of some journeys.

        Args:
            ranks: Of each journey its place among those, or -1.

        Returns:
            A table with them, what is known of its rows, and the rows in the order of the journeys; not more than twice
            as many as were asked for are in the table.
        """
        tables, tolds, places, base = [], [], [], 0
        for chunk in self._chunks:
            rows, told = chunk
            going = np.flatnonzero(ranks[told.journey] >= 0)
            if not len(going):
                continue
            if 2 * len(going) < rows.num_rows:
                rows, told = rows.take(pa.array(going)), told.take(going)
                going = np.arange(len(going))
            tables.append(rows)
            tolds.append(told)
            places.append(going + base)
            base += rows.num_rows
        table, told, found = pa.Table.from_batches(tables).combine_chunks(), Told.joined(tolds), np.concatenate(places)
        self.count -= len(found)
        self._taken += len(found)
        return table, told, found[np.argsort(ranks[told.journey[found]], kind="stable")]

    @property
    def is_sparse(self) -> bool:
        """Whether it is worth to :meth:`compact`."""
        return self._taken >= self.count or len(self._chunks) > _CHUNKS

    def compact(self, numbers: Numbers) -> None:
        """Let go of what was taken.

        Args:
            numbers: The new number of each journey, -1 for those that are out.
        """
        chunks: list[tuple[pa.RecordBatch, Told]] = []
        for rows, told in self._chunks:
            renumbered = numbers[told.journey]
            staying = np.flatnonzero(renumbered >= 0)
            if len(staying):
                kept = replace(told, journey=renumbered).take(staying)
                chunks.append((rows.take(pa.array(staying)), kept))
        self._chunks = chunks
        if len(chunks) > 1:
            table = pa.Table.from_batches([rows for rows, _ in chunks]).combine_chunks()
            self._chunks = [(table.to_batches()[0], Told.joined([told for _, told in chunks]))]
        self._taken = 0

    def earliest(self) -> int | None:
        """The earliest time of an event before one that waits, in ns, once compacted; nothing if none waits."""
        return min((_least(told.before) for _, told in self._chunks), default=None)


def _least(times: np.ndarray[Any, Any]) -> int:
    return int(times.min())
