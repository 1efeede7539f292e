"""Batches of events as batches of Arrow, by a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from tracer_core.errors import PluginError, RunError
from tracer_core.events.batch import SectionColumns
from tracer_core.events.form import FieldForm, Form
from tracer_core.files.arrow.form import struct_of, to_arrow, type_of
from tracer_core.files.arrow.schema import (
    COMMON,
    COMMON_TYPE,
    KERNEL,
    PLACE,
    SERIES,
    TASK,
    UNDECLARED,
    USER_PLACE,
    USERSPACE,
)
from tracer_core.files.contents import in_process, is_nowhere
from tracer_core.files.json.form import compact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tracer_core.events.batch import Column, EventBatch, Numbers
    from tracer_core.sections import ProbeInfo

_COMM = FieldForm("comm", Form.CHARS)


class Rows:
    """Makes batches of Arrow out of batches of events.

    Args:
        schema: Of all of them.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._names = set(schema.names)
        self._source: Sequence[ProbeInfo] = ()
        self._known = 0

    def none(self) -> pa.RecordBatch:
        """A batch of no events."""
        return pa.RecordBatch.from_pylist([], self._schema)

    def batch(self, events: EventBatch) -> pa.RecordBatch:
        """The batch of some events.

        Raises:
            PluginError: a collector decodes a section to what it did not declare.
            RunError: the events have what the schema has no column for.
        """
        self._learn(events.probes)
        sections = {section.form.name: section for section in events.sections}
        columns: dict[str, Any] = {
            COMMON: lambda: _common(events.header),
            KERNEL: lambda: self._place(events, users=False),
            USERSPACE: lambda: self._place(events, users=True),
            UNDECLARED: lambda: _undeclared(events),
            SERIES: lambda: _series(events),
            **{name: lambda section=section: _section(section, events.count) for name, section in sections.items()},
        }
        if missing := set(sections) - self._names:
            raise RunError(f"the file has no column for {', '.join(sorted(missing))}", hint="write another file")
        arrays = [
            columns[field.name]() if field.name in columns else pa.nulls(events.count, field.type)
            for field in self._schema
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _learn(self, probes: Sequence[ProbeInfo]) -> None:
        if probes is self._source and len(probes) == self._known:  # a list of probes only grows
            return
        self._source, self._known = probes, len(probes)
        self._in_process = np.array([in_process(probe) for probe in probes], bool)
        self._unnamed = np.array([is_nowhere(probe) for probe in probes], bool)
        self._symbols, self._kinds, self._paths = (
            _Names([getattr(probe, name) for probe in probes]) for name in ("symbol", "kind", "path")
        )
        self._ips = np.array([probe.ip for probe in probes], np.uint64)

    def _place(self, events: EventBatch, *, users: bool) -> pa.Array:
        kind = USER_PLACE if users else PLACE
        if not events.count:
            return pa.nulls(0, kind)
        probes = np.asarray(events.header["probe"].tolist())
        arrays = [self._symbols.at(probes), self._kinds.at(probes)]
        if users:
            ips = self._ips[probes]
            arrays += [self._paths.at(probes), pa.array(ips, mask=ips == 0)]
        missing = (self._in_process[probes] != users) | self._unnamed[probes]
        mask = pa.array(missing) if missing.any() else None
        return pa.StructArray.from_arrays(arrays, fields=list(kind), mask=mask)


class _Names:
    """Names of probes, each once, to look up by the index of the probe."""

    def __init__(self, names: Sequence[str]) -> None:
        known = {name: index for index, name in enumerate(dict.fromkeys(names))}
        # file names are bytes: what is no UTF-8 in them cannot be text in Arrow
        self._texts = pa.array([name.encode(errors="replace").decode() for name in known], pa.string())
        self._index = np.array([known[name] for name in names], np.int32)

    def at(self, probes: Numbers) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(self._index[probes]), self._texts)


def _common(header: Mapping[str, Column]) -> pa.Array:
    def plain(name: str, dtype: str = "uint32") -> pa.Array:
        return to_arrow(header[name], FieldForm(name, Form.INTEGER, dtype))

    task = [plain("pid"), plain("tgid"), to_arrow(header["comm"], _COMM)]
    missing = pc.and_(task[0].is_null(), task[2].is_null()) if task[2].null_count else None
    tasks = pa.StructArray.from_arrays(task, fields=list(TASK), mask=missing)
    arrays = [plain("timestamp", "uint64"), plain("cpu"), tasks, plain("lost", "uint64"), plain("probe")]
    return pa.StructArray.from_arrays(arrays, fields=list(COMMON_TYPE))


def _section(section: SectionColumns, count: int) -> pa.Array:
    """A section or a group as a column of *count* values."""
    form, arrays = section.form, []
    for field in form.fields:
        column = section.columns[field.name]
        try:
            if isinstance(column, SectionColumns):
                arrays.append(_section(column, len(section)))
            elif column is None:
                arrays.append(pa.nulls(len(section), type_of(field)))
            else:
                arrays.append(to_arrow(column, field))
        except (ValueError, TypeError, AttributeError, OverflowError, pa.ArrowException) as error:
            declared = field.dtype or field.form.value
            raise PluginError(
                f"section {form.name}: field {field.name} is not {declared}, as declared: {error}",
                hint="this is a bug of its collector; leave it out of -c",
            ) from error
    dense = pa.StructArray.from_arrays(arrays, fields=list(struct_of(form)))
    return dense if section.rows is None else dense.take(_spread(section.rows, count))


def _undeclared(events: EventBatch) -> pa.Array:
    values: Iterable[Any] = events.undeclared or [None] * events.count
    return pa.array([compact(value) if value else None for value in values], pa.string())


def _series(events: EventBatch) -> pa.Array:
    return pa.array([] if events.series is None else events.series.tolist(), pa.uint64())


def _spread(rows: Numbers, count: int) -> pa.Array:
    """For each of *count* events, the index of its value among those of *rows*, or nothing."""
    index, missing = np.zeros(count, np.int64), np.ones(count, bool)
    index[rows] = np.arange(len(rows))
    missing[rows] = False
    return pa.array(index, mask=missing)
