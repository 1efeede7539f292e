"""Batches of events out of batches of Arrow. Columns stay Arrow's until somebody wants them as objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracer_core.events.batch import EventBatch, SectionColumns, Values
from tracer_core.events.form import FieldForm, Form
from tracer_core.files.arrow.form import ArrowColumn
from tracer_core.files.arrow.schema import COMMON, KERNEL, SERIES, UNDECLARED, USERSPACE
from tracer_core.files.json.form import FormError, parse, shallow
from tracer_core.files.json.startup import probe_info

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.events.about import About
    from tracer_core.events.batch import Column
    from tracer_core.events.form import SectionForm
    from tracer_core.files.contents import Contents
    from tracer_core.sections import ProbeInfo

_NAME = FieldForm("", Form.TEXT, optional=True)


class BatchMaker:
    """Makes batches of events out of batches of Arrow.

    Args:
        schema: Of the file.
        about: What it says of the run.
        contents: What its events may have.
    """

    def __init__(self, schema: pa.Schema, about: About, contents: Contents) -> None:
        self._schema = schema
        self._contents = contents
        self._named = len(about.probes)
        self._probes: list[ProbeInfo] = list(about.probes)
        self._indices: dict[tuple[Any, ...], int] = {}

    def none(self) -> EventBatch:
        """A batch of no events."""
        return self.batch(pa.RecordBatch.from_pylist([], self._schema))

    def batch(self, rows: pa.RecordBatch) -> EventBatch:
        """The events of a batch of Arrow.

        Raises:
            ValueError, LookupError, TypeError: it is not as written here.
        """
        header = _header(rows.column(COMMON))
        header["probe"] = self._probe(rows, header["probe"])
        sections = (_section(rows.column(form.name), form) for form in self._contents.sections)
        return EventBatch(
            rows.num_rows,
            header,
            self._probes,
            tuple(section for section in sections if section is not None and len(section)),
            _undeclared(rows.column(UNDECLARED)) if self._contents.undeclared else None,
            _integers(rows.column(SERIES), "uint64", optional=False) if self._contents.is_sorted else None,
        )

    def _probe(self, rows: pa.RecordBatch, column: Column) -> Column:
        """The probe of each event. Those that the file does not name at its beginning are named by the events."""
        indices = column.tolist()
        if all(index < self._named for index in indices):
            return column
        places = self._places(rows)
        return Values([index if index < self._named else place for index, place in zip(indices, places, strict=True)])

    def _places(self, rows: pa.RecordBatch) -> list[int]:
        """The probe of each event, as it names it."""
        kernel = rows.column(KERNEL)
        keys = list(zip(*(_names(kernel, name) for name in ("probe_type", "symbol")), strict=True))
        if self._contents.in_process:
            users = rows.column(USERSPACE)
            user_keys = zip(*(_names(users, name) for name in ("probe_type", "symbol", "path", "ip")), strict=True)
            keys = [user if user[0] is not None else key for key, user in zip(keys, user_keys, strict=True)]
        return list(map(self._index, keys))

    def _index(self, key: tuple[Any, ...]) -> int:
        found = self._indices.get(key)
        if found is None:
            kind, symbol, path, ip = (*key, None, None)[:4]
            found = self._indices[key] = len(self._probes)
            self._probes.append(probe_info(kind or "", symbol or "", path or "", ip or 0))
        return found


def _header(common: pa.StructArray) -> dict[str, Column]:
    task = common.field("task")
    pid, tgid, comm = (_flat(task, name) for name in ("pid", "tgid", "comm"))
    for ids in (pid, tgid):
        if ids.null_count and pc.any(pc.and_(ids.is_null(), comm.is_valid())).as_py():
            raise ValueError("a task has a name and no number")
    return {
        "timestamp": _integers(common.field("timestamp"), "uint64", optional=False),
        "lost": _integers(common.field("lost"), "uint64", optional=False),
        "pid": _integers(pid, "uint32"),
        "tgid": _integers(tgid, "uint32"),
        "cpu": _integers(common.field("smp_id"), "uint32"),
        "probe": _integers(common.field("probe"), "uint32", optional=False),
        "comm": _column(comm, FieldForm("comm", Form.CHARS, optional=True)),
    }


def _integers(array: pa.Array, dtype: str, *, optional: bool = True) -> ArrowColumn:
    return _column(array, FieldForm("", Form.INTEGER, dtype, optional=optional))


def _flat(struct: pa.StructArray, name: str) -> pa.Array:
    """A field of a struct, without a value where the struct has none."""
    if not struct.null_count:
        return struct.field(name)
    return struct.flatten()[struct.type.get_field_index(name)]


def _names(struct: pa.StructArray, name: str) -> list[Any]:
    return _column(_flat(struct, name), _NAME).tolist()


def _section(column: pa.StructArray, form: SectionForm) -> SectionColumns | None:
    if column.null_count == len(column) and len(column):
        return None
    rows = None
    if column.null_count:
        rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
        column = column.drop_null()
    columns = {
        field.name: _column(column.field(field.name), field)
        if field.part is None
        else _part(column.field(field.name), field)
        for field in form.fields
    }
    return SectionColumns(form, rows, len(column), columns)


def _part(column: pa.StructArray, field: FieldForm) -> SectionColumns | None:
    if column.null_count and not field.optional:
        raise ValueError(f"{field.name} is missing in {column.null_count} of {len(column)} places")
    return _section(column, field.part) if field.part is not None else None


def _column(array: pa.Array, field: FieldForm) -> ArrowColumn:
    missing = 0 if field.optional else array.null_count
    if isinstance(array, pa.DictionaryArray):
        missing += array.dictionary.null_count
    elif field.item is not None:
        missing += array.flatten().null_count
    if missing:
        raise ValueError(f"{field.name or 'a number'} is missing in {missing} of {len(array)} places")
    return ArrowColumn(array, field)


def _undeclared(column: pa.Array) -> Sequence[dict[str, Any] | None] | None:
    if column.null_count == len(column):
        return None
    found = [None if text is None else parse(text) for text in column.to_pylist()]
    for values in found:
        if values is None:
            continue
        if not isinstance(values, dict) or not all(isinstance(inner, dict) for inner in values.values()):
            raise FormError("what nobody declares is no object of objects")
        shallow(values)
    return found
