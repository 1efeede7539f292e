"""Sections out of what a record holds of them: their own fields, and their groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tracer_core.events.batch import SectionColumns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracer_core.events.batch import Column, Numbers
    from tracer_core.events.form import SectionForm
    from tracer_core.wire import Layout

    Pieces = Mapping[str, tuple[Numbers | None, int, dict[str, Column]]]


def assemble(layout: Layout, form: SectionForm, pieces: Pieces) -> SectionColumns | None:
    """A section with its groups, or nothing if no event has it.

    Args:
        layout: Of the section.
        form: Of what records have of it.
        pieces: What records hold, by name: the events that have it, or nothing if all have it; how many; and columns.

    Raises:
        IndexError: an event has a group, but not the section that it is part of.
    """
    inner = {field: assemble(part, form.parts[field], pieces) for field, part in layout.parts.items()}
    found = {field: part for field, part in inner.items() if part is not None}
    own = pieces.get(layout.name)
    if own is None and (len(layout.parts) < len(layout.fields) or not found):
        return None
    rows, count, columns = own or (*_union(found.values()), {})
    groups = {field: _within(rows, found[field]) if field in found else None for field in layout.parts}
    return SectionColumns(form, rows, count, {**columns, **groups})


def _union(parts: Iterable[SectionColumns]) -> tuple[Numbers | None, int]:
    """The events that have any of the groups, and how many those are."""
    rows: Numbers | None = None
    for part in parts:
        if part.rows is None:
            return None, len(part)
        rows = part.rows if rows is None else np.union1d(rows, part.rows)
    return rows, 0 if rows is None else len(rows)


def _within(rows: Numbers | None, part: SectionColumns) -> SectionColumns:
    """A group with places among the sections that it is part of, instead of those among all events."""
    if rows is None:
        return part
    if part.rows is None or not np.isin(part.rows, rows).all():
        raise IndexError(f"{part.form.name} without what it is part of")
    places = None if len(part) == len(rows) else np.searchsorted(rows, part.rows)
    return SectionColumns(part.form, places, len(part), part.columns)
