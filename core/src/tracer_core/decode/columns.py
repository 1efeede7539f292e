"""Columns of the events of a batch, in ring order, with the collectors' decoders in between. Nothing runs per event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from tracer_core.decode.groups import assemble
from tracer_core.decode.records import HEADER, dtype_of, locate, misfit, take, take_blobs
from tracer_core.decode.shapes import shaped
from tracer_core.errors import PluginError
from tracer_core.events.batch import Blobs, EventBatch, Values
from tracer_core.events.form import form_of, recorded_form
from tracer_core.plugins.declaration import BUG
from tracer_core.sections import ProbeInfo, Stack
from tracer_core.wire import BLOB_STEP, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.backend.base import Batch
    from tracer_core.decode.records import Located
    from tracer_core.events.batch import Column, Numbers, SectionColumns
    from tracer_core.plan.plan import Plan, PlannedProbe
    from tracer_core.plugins.declaration import Declaration, Owner
    from tracer_core.types import Columns, Decoder
    from tracer_core.wire import Layout


class ColumnDecoder:
    """Decodes the records of one plan.

    Args:
        plan: That the records were made by.
        declarations: Of the collectors, for their decoders.

    Raises:
        PluginError: a section that is not what its records are has no decoder.
    """

    def __init__(self, plan: Plan, declarations: Iterable[Declaration]) -> None:
        self._plan = plan
        self._probes = tuple(map(probe_info, plan.probes))
        self._shows_stack = _who_shows_stacks(plan)
        self._header = dtype_of(HEADER)
        self._dtypes = {section.layout.name: dtype_of(section.layout) for section in plan.sections}
        self._decoders: dict[str, tuple[Owner, Decoder]] = {
            layout_of(decoder.section).name: (d.owner, decoder) for d in declarations for decoder in d.decoders
        }
        for layout in plan.layouts:
            if layout.record is not None and layout.name not in self._decoders:
                raise PluginError(f"section {layout.name} is not what its records are, and has no decoder", hint=BUG)

    def decode(self, batch: Batch) -> EventBatch:
        """The columns of a batch. They may share the batch's memory.

        Raises:
            PluginError: a collector's decoder failed.
            RunError: the records are not of this plan: a recording is corrupt.
        """
        return self.decode_records(batch.data, np.asarray(batch.offsets, np.int64))

    def decode_records(self, data: bytes, starts: Numbers) -> EventBatch:
        """The same for some records of it.

        Args:
            data: Of the batch.
            starts: Where in it each begins, ascending.
        """
        try:
            header = take(data, starts, self._header)
            located, ends = locate(header["present"], starts, self._plan.sections)
            if len(ends) and (ends.max() > len(data) or header["probe"].max() >= len(self._plan.probes)):
                raise IndexError("a probe or a section that is not there")
            located = self._without_hidden_stacks(located, header["probe"])
            pieces = {one.layout.name: (one.rows, len(one.starts), self._columns(data, one)) for one in located}
            raw = [(layout, assemble(layout, recorded_form(layout), pieces)) for layout in self._plan.layouts]
        except IndexError as error:
            raise misfit() from error
        columns = {name: header[name] for name in header.dtype.names or () if name != "present"}
        sections = tuple(self._shaped(layout, section) for layout, section in raw if section is not None)
        return EventBatch(len(starts), columns, self._probes, sections)

    def _without_hidden_stacks(self, located: Iterable[Located], probes: Numbers) -> list[Located]:
        """Stacks that were recorded to find functions in, and that nobody asked to see, are left out."""
        shows = self._shows_stack
        if shows is None:
            return list(located)
        shown = (one if one.layout.cls is not Stack else one.only(shows[probes]) for one in located)
        return [one for one in shown if len(one.starts)]

    def _columns(self, data: bytes, located: Located) -> dict[str, Column]:
        layout = located.layout
        columns = recorded_columns(data, located, self._dtypes[layout.name])
        decoder = self._decoders.get(layout.name) if layout.record is None else None
        return columns if decoder is None else _decoded(*decoder, layout, columns, len(located.starts))

    def _shaped(self, layout: Layout, raw: SectionColumns) -> SectionColumns:
        """The section as it is declared, of what its record is."""
        if layout.record is None:
            return raw
        owner, decoder = self._decoders[layout.name]
        try:
            return shaped(form_of(layout.cls), decoder.decode, raw)
        except Exception as error:
            raise _failed(owner, layout, error) from error


def _who_shows_stacks(plan: Plan) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """By probe of the plan, whether its events show their stack; nothing if none is recorded that nobody shall see."""
    return np.array([planned.probe.stack for planned in plan.probes]) if plan.probe_stack else None


def recorded_columns(data: bytes, located: Located, dtype: np.dtype[Any]) -> dict[str, Column]:
    """What records hold of a section, or of a group in one: its own fields. Columns may share the memory of the data.

    Args:
        data: Of the batch.
        located: Where the section is.
        dtype: Of its fixed part.
    """
    layout = located.layout
    records = take(data, located.starts, dtype)
    columns: dict[str, Column] = {field.name: records[field.name] for field in layout.fixed}
    if layout.blob and layout.variable and located.steps is not None:
        lengths = np.minimum(records[layout.blob.length].astype(np.int64), located.steps * BLOB_STEP)
        offsets = np.zeros(len(lengths) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        pieces = take_blobs(data, located.starts + layout.size, lengths)
        columns[layout.variable.name] = Blobs(pieces, offsets)
    return columns


def _decoded(owner: Owner, decoder: Decoder, layout: Layout, raw: dict[str, Column], count: int) -> dict[str, Column]:
    columns = {name: column.tolist() if isinstance(column, Blobs) else column for name, column in raw.items()}
    try:
        result = decoder.decode(cast("Columns", columns))
        names = list(raw)
        if set(result) != set(names) or any(len(result[name]) != count for name in names):
            raise ValueError(f"gave columns {sorted(result)}, not {count} values each of {sorted(names)}")
    except Exception as error:
        raise _failed(owner, layout, error) from error
    return {name: Values(found) if isinstance(found := result[name], list) else found for name in names}


def _failed(owner: Owner, layout: Layout, error: Exception) -> PluginError:
    return PluginError(f"{owner}: decoding section {layout.name} failed: {type(error).__name__}: {error}", hint=BUG)


def probe_info(planned: PlannedProbe) -> ProbeInfo:
    """How events name a probe."""
    kind = planned.probe.kind
    path = planned.user.shown if planned.user is not None else ""
    return ProbeInfo(planned.probe.target, kind.value, kind.label, path)
