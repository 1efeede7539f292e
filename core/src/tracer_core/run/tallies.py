"""How often fields had each of their values, by batches of columns."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.display.printable import printable
from tracer_core.events.batch import Labels, SectionColumns

if TYPE_CHECKING:
    from tracer_core.events.batch import EventBatch, Numbers
    from tracer_core.types import Tally

_KNOWN = 1000  # different values that are told apart
_NAMED = 5  # of them, in a text
_BY_VALUE = 1 << 16  # combinations that are counted in an array, not by sorting


class Count:
    """Counts the values of one tally.

    Args:
        tally: Which.
    """

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._counts: Counter[str] = Counter()
        self._others = 0  # events with values that came when too many were known

    def look(self, batch: EventBatch) -> None:
        """Look at some events."""
        section = next((found for found in batch.sections if found.form.cls is self._tally.section), None)
        if section is None or not len(section):
            return
        codes: Numbers = np.zeros(len(section), np.int64)
        values: list[list[Any]] = []
        for name in self._tally.key:
            column = section.columns[name]
            if column is None or isinstance(column, SectionColumns):
                continue
            indices, different = _coded(column)
            codes = codes * len(different) + indices
            values.append(different)
        for code, count in zip(*_counted(codes), strict=True):
            self._add(_name(code, values), count)

    def text(self) -> str:
        """The commonest values, with how often they came; nothing if none did."""
        if not self._counts:
            return ""
        ordered = sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
        shown = ", ".join(f"{count} {name}" for name, count in ordered[:_NAMED])
        more = sum(count for _, count in ordered[_NAMED:]) + self._others
        return f"{self._tally.title}: {shown}" + (f", and {more} more" if more else "")

    def _add(self, name: str, count: int) -> None:
        if not name:
            return
        if name in self._counts or len(self._counts) < _KNOWN:
            self._counts[name] += count
        else:
            self._others += count


def _coded(column: Any) -> tuple[Numbers, list[Any]]:  # noqa: ANN401 - any column
    """A column as numbers of its different values, and those."""
    if isinstance(column, Labels):
        return column.indices.astype(np.int64), list(column.values)
    if isinstance(column, np.ndarray) and not np.ma.is_masked(column):
        different, indices = np.unique(np.ma.getdata(column), return_inverse=True)
        return indices, different.tolist()
    places: dict[Any, int] = {}
    coded = [places.setdefault(value, len(places)) for value in column.tolist()]
    return np.array(coded, np.int64), list(places)


def _counted(codes: Numbers) -> tuple[list[int], list[int]]:
    """The different ones, and how often each is there."""
    if int(codes.max()) >= _BY_VALUE:
        different, counts = np.unique(codes, return_counts=True)
    else:
        counts = np.bincount(codes)
        different = np.flatnonzero(counts)
        counts = counts[different]
    return different.tolist(), counts.tolist()


def _name(code: int, values: list[list[Any]]) -> str:
    """The values that a combination stands for."""
    parts = []
    for different in reversed(values):
        code, place = divmod(code, len(different))
        value = different[place]
        if value is not None:
            parts.append(value.decode(errors="replace") if isinstance(value, bytes) else str(value))
    return printable("/".join(reversed(parts)))
