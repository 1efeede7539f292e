"""Batches to events, a column at a time, with the collectors' decoders in between."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.decode.records import gather, group, record_layout
from tracer_core.errors import PluginError, RunError
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.wire import Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np

    from tracer_core.backend.base import Batch
    from tracer_core.decode.records import RecordLayout
    from tracer_core.plan.plan import Plan, PlannedProbe
    from tracer_core.plugins.declaration import Declaration, Owner
    from tracer_core.types import Columns, Decoder


class EventDecoder:
    """Decodes the records of one plan.

    Args:
        plan: That the records were made by.
        declarations: Of the collectors, for their decoders.
    """

    def __init__(self, plan: Plan, declarations: Iterable[Declaration]) -> None:
        self._sections = plan.sections
        self._probes = [probe_info(probe) for probe in plan.probes]
        self._layouts: dict[int, RecordLayout] = {}
        self._decoders: dict[str, tuple[Owner, Decoder]] = {
            layout_of(decoder.section).name: (d.owner, decoder) for d in declarations for decoder in d.decoders
        }

    def decode(self, batch: Batch) -> list[Event]:
        """The events of a batch, in ring order.

        Raises:
            PluginError: a collector's decoder failed.
            RunError: the records are not of this plan: a recording is corrupt.
        """
        try:
            return self._decode(batch)
        except IndexError as error:
            raise RunError("a record does not fit the plan", hint="the recording is corrupt") from error

    def _decode(self, batch: Batch) -> list[Event]:
        events: list[Any] = [None] * len(batch.offsets)
        for mask, positions in group(batch) if batch.offsets else ():
            layout = self._layouts.get(mask)
            if layout is None:
                layout = self._layouts[mask] = record_layout(mask, self._sections)
            records = gather(batch, positions, layout.size)
            headers = map(Header._make, records.view(layout.header)[:, 0].tolist())
            names = [section.name for section, _ in layout.sections]
            rows = [self._rows(section, records.view(dtype)[:, 0]) for section, dtype in layout.sections]
            values = zip(*rows, strict=True) if rows else ((),) * len(positions)
            for at, header, sections in zip(positions.tolist(), headers, values, strict=True):
                events[at] = Event(header, self._probes[header.probe], dict(zip(names, sections, strict=True)))
        return events

    def _rows(self, layout: Layout, records: np.ndarray[Any, Any]) -> list[Any]:
        columns: Columns = {field.name: records[field.name] for field in layout.fixed}
        if layout.blob:
            name = layout.fields[-1].name
            lengths = records[layout.blob.length].tolist()
            columns[name] = [bytes(blob)[:length] for blob, length in zip(records[name].tolist(), lengths, strict=True)]
        decoder = self._decoders.get(layout.name)
        if decoder is not None:
            columns = _decoded(*decoder, layout, columns, len(records))
        lists = [column if isinstance(column, list) else column.tolist() for column in columns.values()]
        return list(map(layout.cls._make, zip(*lists, strict=True)))


def probe_info(planned: PlannedProbe) -> ProbeInfo:
    """How events name a probe."""
    kind = planned.probe.kind
    path = planned.user.shown if planned.user is not None else ""
    return ProbeInfo(planned.probe.target, kind.value, kind.label, path)


def _decoded(owner: Owner, decoder: Decoder, layout: Layout, columns: Columns, count: int) -> Columns:
    try:
        result = decoder.decode(columns)
        names = [field.name for field in layout.fields]
        if set(result) != set(names) or any(len(result[name]) != count for name in names):
            raise ValueError(f"gave columns {sorted(result)}, not {count} values each of {sorted(names)}")
    except Exception as error:
        raise PluginError(
            f"{owner}: decoding section {layout.name} failed: {type(error).__name__}: {error}",
            hint="this is a bug of the collector; leave it out of -c",
        ) from error
    return {name: result[name] for name in names}
