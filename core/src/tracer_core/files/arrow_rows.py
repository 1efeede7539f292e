"""Columns of events as batches of Arrow, by a schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from tracer_core.errors import PluginError
from tracer_core.files import arrow_schema
from tracer_core.files.arrow_form import CHARS, NAME, to_arrow

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracer_core.decode.columns import EventColumns, SectionColumns
    from tracer_core.decode.records import Numbers
    from tracer_core.files.about import About
    from tracer_core.files.arrow_schema import SectionForm


class Rows:
    """Makes batches.

    Args:
        schema: Of all of them.
        forms: Of the sections, by name.
        about: The run, for its probes.
    """

    def __init__(self, schema: pa.Schema, forms: Mapping[str, SectionForm], about: About) -> None:
        self._schema = schema
        self._forms = forms
        self._in_process = np.array([arrow_schema.in_process(probe) for probe in about.probes], bool)
        self._symbols = _Names(probe.symbol for probe in about.probes)
        self._kinds = _Names(probe.kind for probe in about.probes)
        self._paths = _Names(probe.path for probe in about.probes)

    def none(self) -> pa.RecordBatch:
        """A batch of no events."""
        return pa.RecordBatch.from_pylist([], self._schema)

    def batch(self, events: EventColumns) -> pa.RecordBatch:
        """The batch of some events.

        Raises:
            PluginError: a collector decodes a section to what it did not declare.
        """
        sections = {section.layout.name: section for section in events.sections}
        arrays = []
        for field in self._schema:
            if field.name == arrow_schema.COMMON:
                arrays.append(_common(events.header))
            elif field.name in arrow_schema.RESERVED:
                arrays.append(self._place(events.header["probe"], in_process=field.name == arrow_schema.USERSPACE))
            elif field.name in sections:
                arrays.append(self._section(sections[field.name], field.type, events.count))
            else:
                arrays.append(pa.nulls(events.count, field.type))
        return pa.RecordBatch.from_arrays(arrays, schema=self._schema)

    def _place(self, probes: np.ndarray[Any, Any], *, in_process: bool) -> pa.Array:
        names = [self._symbols, self._kinds, *([self._paths] if in_process else [])]
        kind = arrow_schema.USER_PLACE if in_process else arrow_schema.PLACE
        missing = self._in_process[probes] != in_process
        mask = pa.array(missing) if missing.any() else None
        return pa.StructArray.from_arrays([name.at(probes) for name in names], fields=list(kind), mask=mask)

    def _section(self, section: SectionColumns, kind: pa.StructType, count: int) -> pa.Array:
        name = section.layout.name
        fields = self._forms[name].fields
        arrays = []
        for field in kind:
            try:
                arrays.append(to_arrow(section.columns[field.name], fields[field.name], field.type))
            except (ValueError, TypeError, AttributeError, OverflowError, pa.ArrowException) as error:
                raise PluginError(
                    f"section {name}: field {field.name} is not {fields[field.name]}, as declared: {error}",
                    hint="this is a bug of its collector; leave it out of -c",
                ) from error
        dense = pa.StructArray.from_arrays(arrays, fields=list(kind))
        return dense if section.rows is None else dense.take(_spread(section.rows, count))


class _Names:
    """Names of probes, each once, to look up by the index of the probe."""

    def __init__(self, names: Iterable[str]) -> None:
        listed = list(names)
        known = list(dict.fromkeys(listed))
        # file names are bytes: what is no UTF-8 in them cannot be text in Arrow
        self._texts = pa.array([name.encode(errors="replace").decode() for name in known], pa.string())
        self._index = np.array([known.index(name) for name in listed], np.int32)

    def at(self, probes: np.ndarray[Any, Any]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(self._index[probes]), self._texts)


def _common(header: np.ndarray[Any, Any]) -> pa.Array:
    def plain(name: str) -> pa.Array:
        return pa.array(np.ascontiguousarray(header[name]))

    task = [plain("pid"), plain("tgid"), to_arrow(header["comm"], CHARS, NAME)]
    tasks = pa.StructArray.from_arrays(task, fields=list(arrow_schema.TASK))
    arrays = [plain("timestamp"), plain("cpu"), tasks, plain("lost"), plain("probe")]
    return pa.StructArray.from_arrays(arrays, fields=list(arrow_schema.COMMON_TYPE))


def _spread(rows: Numbers, count: int) -> pa.Array:
    """For each of *count* events, the index of its value among those of *rows*, or nothing."""
    index, missing = np.zeros(count, np.int64), np.ones(count, bool)
    index[rows] = np.arange(len(rows))
    missing[rows] = False
    return pa.array(index, mask=missing)
