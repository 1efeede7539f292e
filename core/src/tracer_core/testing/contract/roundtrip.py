"""Whether decoded events are what sections declare, and come back from files as they were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.events.form import FieldForm, Form, SectionForm, form_of
from tracer_core.events.objects import events_of
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.arrow.writer import ArrowEvents
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.run.sinks import about, contents

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tracer_core.events.batch import EventBatch
    from tracer_core.sections import Event
    from tracer_core.testing.runs import PlannedRun

_TYPES: dict[Form, type | tuple[type, ...]] = {
    Form.INTEGER: int,
    Form.BOOLEAN: bool,
    Form.FLOAT: float,
    Form.CHARS: bytes,
    Form.BYTES: bytes,
    Form.TEXT: str,
    Form.LIST: (tuple, list),
}


def check_values(batch: EventBatch) -> None:
    """That each value is of the type that its section declares.

    Raises:
        AssertionError: one is not.
    """
    for section in batch.sections:
        for value in section.objects:
            _check_section(section.form, value)


def _check_section(form: SectionForm, value: Any) -> None:  # noqa: ANN401 - a named tuple of any class
    for field, found in zip(form.fields, value, strict=True):
        name = f"{form.name}.{field.name}"
        if found is None:
            if not field.optional:
                raise AssertionError(f"{name} is missing, and not declared as X | None: {value}")
        elif field.part is not None:
            _check_section(field.part, found)
        else:
            _check_value(name, field, found)


def _check_value(name: str, field: FieldForm, found: Any) -> None:  # noqa: ANN401 - of any type
    is_right: bool = isinstance(found, _TYPES[field.form])
    if not is_right or (field.form is Form.INTEGER and isinstance(found, bool)):
        raise AssertionError(f"{name} is {found!r}, which is no {field.form.value}")
    if field.form is Form.INTEGER:
        limits = np.iinfo(field.dtype)
        if not limits.min <= found <= limits.max:
            raise AssertionError(f"{name} is {found}, which is no {field.dtype}")
    if field.form is Form.LIST and field.item is not None:
        for item in found:
            _check_value(name, field.item, item)


def check_files(run: PlannedRun, batch: EventBatch, folder: Path) -> None:
    """Write events to files, and read them again.

    Args:
        run: That they are of.
        batch: They.
        folder: Where.

    Raises:
        AssertionError: what is read is not what was written.
    """
    before = events_of(batch)
    classes = [layout.cls for layout in run.plan.layouts]
    run_about = about(run.prepared)
    path = folder / "events.json"
    with TargetFiles(path, is_json_lines) as files:
        lines = JsonLines(files, run_about)
        lines.write(batch)
        lines.end({})
    with JsonLinesReader(path, classes) as reader:
        _compare("JSON", before, reader)
    path = folder / "events.arrow"
    with TargetFiles(path, is_arrow_events) as files:
        arrow = ArrowEvents(files, run_about, contents(run.prepared))
        arrow.write(batch)
        arrow.end({})
    with ArrowEventsReader(path, classes) as reader:
        _compare("Arrow", before, reader)


def _compare(what: str, before: list[Event], found: Iterable[Event]) -> None:
    after = list(found)
    if len(before) != len(after):
        raise AssertionError(f"of {len(before)} events, {len(after)} come back from {what}")
    for one, other in zip(before, after, strict=True):
        if _told(one) != _told(other):
            raise AssertionError(f"this comes back from {what} as something else:\n{one.sections}\n{other.sections}")


def _told(event: Event) -> dict[str, Any]:
    """The sections of an event, as far as files tell them: in JSON, characters that are no UTF-8 are replaced."""
    return {name: _section_told(form_of(type(value)), value) for name, value in event.sections.items()}


def _section_told(form: SectionForm, value: Any) -> Any:  # noqa: ANN401 - a named tuple of any class
    return [_field_told(field, found) for field, found in zip(form.fields, value, strict=True)]


def _field_told(field: FieldForm, found: Any) -> Any:  # noqa: ANN401 - of any type
    if found is None:
        return None
    if field.part is not None:
        return _section_told(field.part, found)
    if field.form is Form.CHARS:
        return found.decode(errors="replace")
    return tuple(found) if field.form is Form.LIST else found
