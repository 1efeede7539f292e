"""Batches to events, by way of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.decode.columns import ColumnDecoder
from tracer_core.sections import Event, Header, ProbeInfo

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.backend.base import Batch
    from tracer_core.decode.columns import EventColumns, SectionColumns
    from tracer_core.plan.plan import Plan, PlannedProbe
    from tracer_core.plugins.declaration import Declaration


class EventDecoder:
    """Decodes the records of one plan.

    Args:
        plan: That the records were made by.
        declarations: Of the collectors, for their decoders.
    """

    def __init__(self, plan: Plan, declarations: Iterable[Declaration]) -> None:
        self._columns = ColumnDecoder(plan, declarations)
        self._probes = [probe_info(probe) for probe in plan.probes]

    def decode(self, batch: Batch) -> list[Event]:
        """The events of a batch, in ring order.

        Raises:
            PluginError: a collector's decoder failed.
            RunError: the records are not of this plan: a recording is corrupt.
        """
        return self.events(self._columns.decode(batch))

    def events(self, columns: EventColumns) -> list[Event]:
        """The same for columns that were decoded already."""
        headers = map(Header._make, columns.header.tolist())
        sections: list[dict[str, Any]] = [{} for _ in range(columns.count)]
        for section in columns.sections:
            name, values = section.layout.name, _values(section)
            holders = sections if section.rows is None else map(sections.__getitem__, section.rows.tolist())
            for holder, value in zip(holders, values, strict=True):
                holder[name] = value
        probes = self._probes
        return [Event(header, probes[header.probe], held) for header, held in zip(headers, sections, strict=True)]


def probe_info(planned: PlannedProbe) -> ProbeInfo:
    """How events name a probe."""
    kind = planned.probe.kind
    path = planned.user.shown if planned.user is not None else ""
    return ProbeInfo(planned.probe.target, kind.value, kind.label, path)


def _values(section: SectionColumns) -> list[Any]:
    lists = [column if isinstance(column, list) else column.tolist() for column in section.columns.values()]
    return list(map(section.layout.cls._make, zip(*lists, strict=True)))
