"""Events as columns: what comes from the ring and from files, and what all outputs take. Nothing is made per event.

A column is whatever has a length and a ``tolist()``: a numpy array, a masked one where values are missing,
:class:`Blobs`, :class:`Labels`, or what a file format keeps.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tracer_core.events.form import SectionForm
    from tracer_core.sections import ProbeInfo

    Numbers = np.ndarray[Any, np.dtype[np.int64]]


class Column(Protocol):
    """The values of a field, one for each event that has it."""

    def __len__(self) -> int:
        """How many they are."""

    def tolist(self) -> list[Any]:
        """The values as objects."""


@dataclass(frozen=True, slots=True)
class Values:
    """A column of objects."""

    values: list[Any]

    def __len__(self) -> int:
        return len(self.values)

    def tolist(self) -> list[Any]:
        """The values themselves."""
        return self.values


@dataclass(frozen=True, slots=True)
class Blobs:
    """A column of variable parts.

    Attributes:
        data: All bytes, one value after the other.
        offsets: Where each begins, and where the last ends: one more than there are values.
    """

    data: np.ndarray[Any, np.dtype[np.uint8]]
    offsets: np.ndarray[Any, np.dtype[np.int64]]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def tolist(self) -> list[bytes]:
        """The values as objects."""
        data = self.data.tobytes()
        return [data[start:end] for start, end in pairwise(self.offsets.tolist())]


@dataclass(frozen=True, slots=True)
class Labels:
    """A column of few different values, mostly names of numbers.

    Attributes:
        indices: Of each value among the different ones.
        values: Those. One may be None: where it is, the value is missing.
    """

    indices: np.ndarray[Any, np.dtype[np.int32]]
    values: list[str | None]

    @classmethod
    def of(cls, numbers: np.ndarray[Any, Any], name: Callable[[int], str | None]) -> Labels:
        """Names of numbers; *name* is asked once for each different one."""
        different, indices = np.unique(numbers, return_inverse=True)
        return cls(indices.astype(np.int32), [name(int(number)) for number in different])

    def __len__(self) -> int:
        return len(self.indices)

    def tolist(self) -> list[str | None]:
        """The values as objects."""
        return [self.values[index] for index in self.indices.tolist()]


class SectionColumns:
    """A section, or a group in one, of the events of a batch. It is given as columns or as objects, and has both.

    Args:
        form: What it is.
        rows: The events that have it, ascending; for a group, the places of its sections among those of the batch.
            Nothing if all have it.
        count: How many have it.
        columns: By field, in order, a value for each of those. Of a group that none has, nothing.
    """

    def __init__(
        self,
        form: SectionForm,
        rows: Numbers | None,
        count: int,
        columns: Mapping[str, Column | SectionColumns | None] | None = None,
    ) -> None:
        self.form = form
        self.rows = rows
        self._count = count
        self._columns = columns
        self._objects: list[Any] | None = None

    @classmethod
    def of(cls, form: SectionForm, rows: Numbers | None, objects: list[Any]) -> SectionColumns:
        """Make one of objects of the form's class."""
        made = cls(form, rows, len(objects))
        made._objects = objects
        return made

    def __len__(self) -> int:
        return self._count

    def rows_in(self, batch: EventBatch) -> Sequence[int]:
        """The events of its batch that have it."""
        return range(batch.count) if self.rows is None else self.rows.tolist()

    @property
    def columns(self) -> Mapping[str, Column | SectionColumns | None]:
        """By field, in order."""
        if self._columns is None:
            lists = list(map(list, zip(*self._objects or (), strict=True))) or [[] for _ in self.form.fields]
            self._columns = {
                field.name: _part_of(field.part, values) if field.part is not None else Values(values)
                for field, values in zip(self.form.fields, lists, strict=True)
            }
        return self._columns

    @property
    def objects(self) -> list[Any]:
        """An instance of the form's class for each event that has it."""
        if self._objects is None:
            lists = [_values(column, self._count) for column in self.columns.values()]
            self._objects = list(map(self.form.cls._make, zip(*lists, strict=True)))
        return self._objects


@dataclass(frozen=True, slots=True)
class EventBatch:
    """Some events, in order.

    Attributes:
        count: Of events.
        header: Columns by the names of the fields of :class:`~tracer_core.sections.Header` that files have, too:
            all but ``present``. A value is None where the file has none.
        probes: What ``probe`` in the header counts.
        sections: Those that any event has.
        undeclared: What nobody here declares, as JSON has it: for each event sections by name, or fields of sections
            that are declared. Nothing if there is nothing.
        series: For each event of a sorted file the number of its series; events of a series stand together.
    """

    count: int
    header: Mapping[str, Column]
    probes: Sequence[ProbeInfo]
    sections: tuple[SectionColumns, ...] = ()
    undeclared: Sequence[dict[str, Any] | None] | None = None
    series: Column | None = None

    def places(self) -> list[ProbeInfo]:
        """Where each event was taken."""
        return [self.probes[index] for index in self.header["probe"].tolist()]


def _part_of(form: SectionForm, values: list[Any]) -> SectionColumns | None:
    rows = [row for row, value in enumerate(values) if value is not None]
    if values and not rows:
        return None
    everywhere = len(rows) == len(values)
    found = values if everywhere else [values[row] for row in rows]
    return SectionColumns.of(form, None if everywhere else np.array(rows), found)


def _values(column: Column | SectionColumns | None, count: int) -> list[Any]:
    if column is None:
        return [None] * count
    if not isinstance(column, SectionColumns):
        return column.tolist()
    if column.rows is None:
        return column.objects
    spread: list[Any] = [None] * count
    for row, value in zip(column.rows.tolist(), column.objects, strict=True):
        spread[row] = value
    return spread
