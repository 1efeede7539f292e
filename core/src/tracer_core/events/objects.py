"""Objects of the events of a batch, for programs that look at one at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.events.form import UnknownSection
from tracer_core.sections import Event, Header

if TYPE_CHECKING:
    from tracer_core.events.batch import EventBatch

_FROM_FILES = tuple(name for name in Header._fields if name != "present")


def events_of(batch: EventBatch) -> list[Event]:
    """The events of a batch. Fields that are not declared of sections that are cannot be had this way."""
    columns = [batch.header[name].tolist() for name in _FROM_FILES]
    # which record it was in is no matter of the event
    columns.insert(Header._fields.index("present"), [0] * batch.count)
    sections: list[dict[str, Any]] = [{} for _ in range(batch.count)]
    for section in batch.sections:
        name = section.form.name
        holders = sections if section.rows is None else map(sections.__getitem__, section.rows.tolist())
        for holder, value in zip(holders, section.objects, strict=True):
            holder[name] = value
    for holder, others in zip(sections, batch.undeclared or (), strict=False):
        for name, values in (others or {}).items():
            holder.setdefault(name, UnknownSection.of(values))
    return list(map(Event, map(Header._make, zip(*columns, strict=True)), batch.places(), sections))
