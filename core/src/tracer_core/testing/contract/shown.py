"""Whether the text of sections can be put together with that of others."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

from tracer_core.types import TextOptions

if TYPE_CHECKING:
    from tracer_core.events.batch import EventBatch
    from tracer_core.testing.runs import PlannedRun

_BLANKS = " \t\r"


def check(run: PlannedRun, batch: EventBatch) -> None:
    """Have each section shown, in all ways that users can want.

    Raises:
        AssertionError: a formatter failed, or its text leaves gaps.
    """
    formatters = {formatter.section: formatter for each in run.declarations for formatter in each.formatters}
    for section in batch.sections:
        formatter = formatters.get(section.form.cls)
        if formatter is None:
            continue
        for value in section.objects:
            for link_layer, multi_line in product((False, True), repeat=2):
                options = TextOptions(link_layer=link_layer, multi_line=multi_line)
                try:
                    text: Any = formatter.format(value, options)
                except Exception as error:
                    raise AssertionError(f"{value} cannot be shown: {type(error).__name__}: {error}") from error
                if trouble := _trouble(text, multi_line=multi_line):
                    raise AssertionError(f"{value} is shown as {text!r}: {trouble}")


def _trouble(text: Any, *, multi_line: bool) -> str:  # noqa: ANN401 - whatever the formatter gave
    """What is wrong with a text; nothing if it is well."""
    if not isinstance(text, str):
        return "that is no text; for nothing, give an empty one"
    lines = text.split("\n") if text else []
    if len(lines) > 1 and not multi_line:
        return "it has several lines where one is wanted (TextOptions.multi_line)"
    if any(not line.strip(_BLANKS) for line in lines):
        return "it has an empty line"
    if any(line[-1] in _BLANKS for line in lines) or text[:1] in tuple(_BLANKS):
        return "it has blanks around it; the core puts them"
    return ""
