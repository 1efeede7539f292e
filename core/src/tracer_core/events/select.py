"""Some of the events of a batch, as a batch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.events.batch import EventBatch, SectionColumns, Values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.events.batch import Column, Numbers

    Mask = np.ndarray[Any, np.dtype[np.bool_]]


def rows_of(batch: EventBatch, rows: Sequence[int]) -> EventBatch:
    """A batch of some events of another.

    Args:
        batch: That they are of.
        rows: Which, ascending.
    """
    if len(rows) == batch.count:
        return batch
    wanted = np.zeros(batch.count, dtype=bool)
    wanted[rows] = True
    sections = (_section(section, wanted) for section in batch.sections)
    return EventBatch(
        len(rows),
        {name: _values(column, rows) for name, column in batch.header.items()},
        batch.probes,
        tuple(section for section in sections if section is not None),
        [batch.undeclared[row] for row in rows] if batch.undeclared is not None else None,
        _values(batch.series, rows) if batch.series is not None else None,
    )


def without(batch: EventBatch, name: str) -> EventBatch:
    """The same events without a section, and without what nobody declares of it."""
    undeclared = batch.undeclared
    if undeclared is not None:
        undeclared = [{key: value for key, value in (others or {}).items() if key != name} for others in undeclared]
    return replace(
        batch,
        sections=tuple(section for section in batch.sections if section.form.name != name),
        undeclared=undeclared if any(undeclared or ()) else None,
    )


def _section(section: SectionColumns, wanted: Mask) -> SectionColumns | None:
    """What is left of a section, or of a group in one, when some of what it belongs to are left."""
    before = np.arange(len(wanted)) if section.rows is None else section.rows
    places = np.flatnonzero(wanted[before])
    if not len(places):
        return None
    after: Numbers = np.cumsum(wanted) - 1
    inner = np.zeros(len(section), dtype=bool)
    inner[places] = True
    columns = {name: _column(column, inner, places) for name, column in section.columns.items()}
    rows = None if section.rows is None else after[before[places]]
    return SectionColumns(section.form, rows, len(places), columns)


def _column(column: Column | SectionColumns | None, wanted: Mask, places: Numbers) -> Column | SectionColumns | None:
    if column is None:
        return None
    return _section(column, wanted) if isinstance(column, SectionColumns) else _values(column, places.tolist())


def _values(column: Column, rows: Sequence[int]) -> Values:
    values = column.tolist()
    return Values([values[row] for row in rows])
