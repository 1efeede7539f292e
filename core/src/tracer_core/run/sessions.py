"""What the thread that takes events does for sessions: it shows them what they watch, and takes what they report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.decode.watched import SectionDecoder
from tracer_core.events.batch import EventBatch, SectionColumns, Values
from tracer_core.events.form import form_of
from tracer_core.sections import ProbeInfo
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.events.batch import Column
    from tracer_core.plan.plan import Plan
    from tracer_core.plugins.exchange import Report, Watch

_NOWHERE = ProbeInfo("", "", "")


class WatchSink:
    """Hands sections over to the sessions that watch them.

    Args:
        plan: That the records are of.
        watches: Of the sessions.
    """

    def __init__(self, plan: Plan, watches: Iterable[Watch]) -> None:
        self._watches = [(watch, SectionDecoder(plan, layout_of(watch.section))) for watch in watches]

    def take(self, batch: Batch) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        for watch, decoder in self._watches:
            found = decoder.decode(batch) if watch.is_open else None
            if found is not None:
                watch.offer(*found)

    def add(self, events: EventBatch) -> None:
        """Nobody watches what is reported."""

    def tick(self) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""


def reported_events(reports: Sequence[Report], plan: Plan) -> EventBatch:
    """What sessions report, as events of no probe, in order: with a time and one section each.

    Args:
        reports: At least one.
        plan: Of the run. In files, events name their probe by its number there; these by one that is not in it.
    """
    count, nowhere = len(reports), len(plan.probes)
    rows: dict[type[Any], list[int]] = {}
    for row, report in enumerate(reports):
        rows.setdefault(type(report.value), []).append(row)
    sections = [
        SectionColumns.of(
            form_of(cls), None if len(having) == count else np.array(having), [reports[row].value for row in having]
        )
        for cls, having in rows.items()
    ]
    header: dict[str, Column] = {
        "timestamp": Values([report.time for report in reports]),
        "lost": Values([0] * count),
        "probe": Values([nowhere] * count),
        **{name: Values([None] * count) for name in ("pid", "tgid", "cpu", "comm")},
    }
    return EventBatch(count, header, (_NOWHERE,) * (nowhere + 1), tuple(sections))
