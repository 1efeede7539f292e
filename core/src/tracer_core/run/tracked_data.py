"""Records that are no events: what becomes of packets' data, which says when journeys end (ADR 0022)."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from tracer_core.backend.base import Batch

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.plan.plan import Plan

    Packets = Iterable[tuple[int, int, int]]


class TrackedDataRecords:
    """Takes them out of what comes from the ring, before anybody counts events or decodes them.

    Args:
        plan: That the records are of.
    """

    def __init__(self, plan: Plan) -> None:
        self._section = plan.tracked_data
        self._taken: list[Packets] = []

    def sift(self, batch: Batch) -> Batch:
        """The events of a batch.

        Raises:
            RunError: the records are not of this plan.
        """
        if self._section is None:
            return batch
        import numpy as np  # noqa: PLC0415 - when events already come

        from tracer_core.decode.records import HEADER, dtype_of, take  # noqa: PLC0415 - ditto

        starts = np.asarray(batch.offsets, np.int64)
        present = take(batch.data, starts, dtype_of(HEADER))["present"]
        found = (present >> np.uint64(self._section.shift)).astype(bool)  # nothing stands behind it in a record
        if not found.any():
            return batch
        records = take(batch.data, starts[found] + HEADER.size, dtype_of(self._section.layout))
        names = ("timestamp", "orig_head", "more")  # as Sorter.held takes them
        self._taken.append(zip(*(records[name].tolist() for name in names), strict=True))
        return Batch(batch.data, starts[~found])

    def take(self) -> Packets:
        """Those since the last call: when a packet was first seen, where its data was, and in how many more places."""
        taken, self._taken = self._taken, []
        return chain.from_iterable(taken)
