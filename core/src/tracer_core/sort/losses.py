"""When events were lost, as far as the events that were not lost tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tracer_core.events.batch import EventBatch

    Times = np.ndarray[Any, np.dtype[np.uint64]]


class Losses:
    """Each event says how many its CPU had lost so far, so those since the one before were lost between the two."""

    def __init__(self) -> None:
        self._cpus: dict[int | None, tuple[int, int]] = {}  # what it had lost, and when that was said
        self._after: list[int] = []  # of each gap
        self._until: list[int] = []
        self._counts: list[int] = []

    def look(self, batch: EventBatch) -> None:
        """Learn from events, which come in order."""
        header = batch.header
        lost = header["lost"].tolist()
        if not any(lost) and not any(count for count, _ in self._cpus.values()):
            times, cpus = header["timestamp"].tolist(), header["cpu"].tolist()
            self._cpus.update({cpu: (0, time) for cpu, time in zip(cpus, times, strict=True)})
            return
        for cpu, time, count in zip(header["cpu"].tolist(), header["timestamp"].tolist(), lost, strict=True):
            before, since = self._cpus.get(cpu, (0, 0))
            if count > before:
                self._after.append(since)
                self._until.append(time)
                self._counts.append(count - before)
            self._cpus[cpu] = count, time

    def between(self, begins: Times, ends: Times) -> Times:
        """How many events may have been lost between two times each: all of the gaps that reach into that time.

        Args:
            begins: In ns.
            ends: Not earlier.
        """
        if not self._counts:
            return np.zeros(len(begins), np.uint64)
        # gaps that begin before the end, but for those that end before the beginning
        found = _sums(self._after, self._counts, ends, "left") - _sums(self._until, self._counts, begins, "right")
        return np.where(begins < ends, found, 0).astype(np.uint64)

    def forget(self, time: int) -> None:
        """Nothing before this time will be asked for any more."""
        kept = [at for at, until in enumerate(self._until) if until > time]
        for gaps in (self._after, self._until, self._counts):
            gaps[:] = [gaps[at] for at in kept]


def _sums(times: list[int], counts: list[int], limits: Times, side: Any) -> np.ndarray[Any, np.dtype[np.int64]]:  # noqa: ANN401 - numpy's
    """The counts of the times before each limit, together."""
    order = np.argsort(times)
    ordered = np.array(times, np.uint64)[order]
    sums = np.concatenate([[0], np.cumsum(np.array(counts, np.int64)[order])])
    found: np.ndarray[Any, np.dtype[np.int64]] = sums[np.searchsorted(ordered, limits, side)]
    return found
