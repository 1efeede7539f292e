"""Sections whose records are shaped otherwise: what their decoders take and give, groups and all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.events.batch import Blobs, SectionColumns, Values
from tracer_core.types import Group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tracer_core.events.batch import Column
    from tracer_core.events.form import FieldForm, SectionForm
    from tracer_core.types import Columns


def shaped(form: SectionForm, decode: Callable[[Columns], Columns], raw: SectionColumns) -> SectionColumns:
    """A section as it is declared.

    Args:
        form: As it is declared.
        decode: That of its collector.
        raw: What records have of it.

    Raises:
        ValueError: what the decoder gave is not of that form.
    """
    return _section(form, raw.rows, len(raw), decode(plain(raw)))


def plain(raw: SectionColumns) -> Columns:
    """The columns of a section, or of a group in one, as decoders are given them."""
    return {name: _plain_column(column) for name, column in raw.columns.items()}


def _plain_column(column: Column | SectionColumns | None) -> Any:  # noqa: ANN401 - what decoders are given
    match column:
        case SectionColumns():
            return Group(plain(column), column.rows)
        case Blobs():
            return column.tolist()
        case _:
            return column


def _section(form: SectionForm, rows: Any, count: int, given: Mapping[str, Any]) -> SectionColumns:  # noqa: ANN401 - array
    if given.keys() != set(form.names):
        raise ValueError(f"gave {sorted(given)} of {form.name}, not {sorted(form.names)}")
    columns = {field.name: _column(form.name, field, given[field.name], count) for field in form.fields}
    return SectionColumns(form, rows, count, columns)


def _column(section: str, field: FieldForm, given: Any, count: int) -> Column | SectionColumns | None:  # noqa: ANN401
    if field.part is not None:
        return _group(field.part, given, count, optional=field.optional)
    if given is None or isinstance(given, Group) or len(given) != count:
        raise ValueError(f"gave no {count} values for {section}.{field.name}")
    return Values(given) if isinstance(given, list) else given


def _group(form: SectionForm, given: Any, count: int, *, optional: bool) -> SectionColumns | None:  # noqa: ANN401
    if given is None and optional:
        return None
    if not isinstance(given, Group):
        raise ValueError(f"gave no group for {form.name}")
    if given.rows is None:
        return _section(form, None, count, given.columns)
    if not optional:
        raise ValueError(f"gave {form.name} to some only")
    rows = np.asarray(given.rows, np.int64)
    if not len(rows):
        return None
    if rows[0] < 0 or rows[-1] >= count or (np.diff(rows) <= 0).any():
        raise ValueError(f"gave {form.name} to rows that are not ascending or not below {count}")
    return _section(form, None if len(rows) == count else rows, len(rows), given.columns)
