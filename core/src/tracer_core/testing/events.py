"""Events made by hand, for what takes batches of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.decode.columns import ColumnDecoder
from tracer_core.events.batch import EventBatch, SectionColumns, Values
from tracer_core.events.form import UnknownSection, form_of
from tracer_core.events.objects import events_of
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.sections import Header

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tracer_core.backend.base import Batch
    from tracer_core.display.text import TextFormat
    from tracer_core.events.about import About
    from tracer_core.plan.plan import Plan
    from tracer_core.plugins.declaration import Declaration
    from tracer_core.sections import Event


def batch_of(events: Sequence[Event], series: Sequence[int] | None = None) -> EventBatch:
    """A batch of events.

    Args:
        events: In order. Their headers need not tell the index of their probe.
        series: Of each event the number of its series, if they are sorted.
    """
    probes = list(dict.fromkeys(event.probe for event in events))
    indices = {probe: index for index, probe in enumerate(probes)}
    headers = [event.header._replace(probe=indices[event.probe]) for event in events]
    columns = list(map(list, zip(*headers, strict=True))) or [[] for _ in Header._fields]
    header = {name: Values(column) for name, column in zip(Header._fields, columns, strict=True) if name != "present"}
    sections = []
    undeclared: list[dict[str, Any] | None] = [None] * len(events)
    for name in dict.fromkeys(name for event in events for name in event.sections):
        found = [(row, event.sections[name]) for row, event in enumerate(events) if name in event.sections]
        known = [(row, value) for row, value in found if not isinstance(value, UnknownSection)]
        for cls in dict.fromkeys(type(value) for _, value in known):
            rows, objects = zip(*((row, value) for row, value in known if type(value) is cls), strict=True)
            form = form_of(cls)
            places = None if len(rows) == len(events) else np.array(rows)
            sections.append(SectionColumns.of(form, places, list(objects)))
        for row, value in found:
            if isinstance(value, UnknownSection):
                undeclared[row] = {**(undeclared[row] or {}), name: value._asdict()}
    numbers = None if series is None else Values(list(series))
    return EventBatch(len(events), header, probes, tuple(sections), undeclared if any(undeclared) else None, numbers)


def text_of(text: TextFormat, *events: Event) -> str:
    """The text of events."""
    return "".join(text.lines(batch_of(events)))


def written_json(path: Path, events: Sequence[Event], about: About, facts: Mapping[str, Any] | None = None) -> Path:
    """A file of JSON lines.

    Args:
        path: Where; it is given back.
        events: In order.
        about: Their run.
        facts: What is only known at its end.
    """
    with TargetFiles(path, is_json_lines) as files:
        writer = JsonLines(files, about)
        writer.write(batch_of(events))
        writer.end(facts or {})
    return path


def decoded(plan: Plan, declarations: Iterable[Declaration], batch: Batch) -> list[Event]:
    """The events of the records of a plan."""
    return events_of(ColumnDecoder(plan, declarations).decode(batch))
