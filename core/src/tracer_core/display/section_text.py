"""The texts of sections as formatters make them, of which terminals show all and obey nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.display.printable import printable, printable_lines
from tracer_core.events.form import Form
from tracer_core.types import Place

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.events.form import FieldForm, SectionForm
    from tracer_core.types import Formatter, TextOptions

_AT_ONCE = 256  # texts whose copy stays in the cache of a processor


def section_texts(values: Sequence[Any], form: SectionForm, formatter: Formatter, options: TextOptions) -> list[str]:
    """The text of each of some sections, printable but for the line ends that its formatter has put there.

    Args:
        values: The sections.
        form: Theirs.
        formatter: Of their class. What it raises is not caught.
        options: How the user wants it.
    """
    write = formatter.format
    texts = [write(value, options) for value in values]
    # a line end of the formatter is one where there may be lines: one of a name never is
    made = printable_lines if options.multi_line and formatter.place is not Place.HEAD else printable
    for place in _doubtful(texts):
        value = _with_printable_names(values[place], form)
        if value != values[place]:
            texts[place] = write(value, options)
        texts[place] = made(texts[place])
    return texts


def _doubtful(texts: Sequence[str]) -> Iterator[int]:
    """Where there is something that is not printable, or a line end."""
    import numpy as np  # noqa: PLC0415 - when events already come

    for first in range(0, len(texts), _AT_ONCE):
        some = texts[first : first + _AT_ONCE]
        # a twentieth of the time that it takes to ask each
        codes = np.frombuffer("".join(some).encode(errors="surrogatepass"), np.uint8)
        if codes.size and (codes.min() < ord(" ") or codes.max() > ord("~")):
            yield from (first + place for place, text in enumerate(some) if not text.isprintable())


def _with_printable_names(value: Any, form: SectionForm) -> Any:  # noqa: ANN401 - a section class of any collector
    return form.cls._make(map(_printable_field, value, form.fields))


def _printable_field(value: Any, field: FieldForm) -> Any:  # noqa: ANN401 - any field
    if value is None:
        return None
    match field.form:
        case Form.TEXT:
            return printable(value)
        case Form.CHARS:
            return printable(value.decode(errors="replace")).encode()
        case Form.PART if field.part is not None:
            return _with_printable_names(value, field.part)
        case Form.LIST if field.item is not None and field.item.form is Form.TEXT:
            return tuple(map(printable, value))
    return value
