"""The texts of sections as formatters make them, of which terminals show all and obey nothing."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from tracer_core.display.printable import printable, printable_lines
from tracer_core.events.form import Form
from tracer_core.types import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracer_core.events.form import FieldForm, SectionForm
    from tracer_core.types import Formatter, TextOptions

_AT_ONCE = 128  # texts whose copy stays in the cache of a processor


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
    has_lines = options.multi_line and formatter.place is not Place.HEAD
    for first in range(0, len(texts), _AT_ONCE):
        places = slice(first, first + _AT_ONCE)
        text = "".join(texts[places])
        if _is_plain(text):
            continue
        if has_lines and _is_plain(text.replace("\n", "")) and _is_plain("".join(_names(values[places], form))):
            continue
        for place, each in enumerate(texts[places], first):
            if not each.isprintable():
                value = _with_printable_names(values[place], form)
                found = each if value == values[place] else write(value, options)
                texts[place] = printable_lines(found) if has_lines else printable(found)
    return texts


def _is_plain(text: str) -> bool:
    """Whether it is printable ASCII, found in a twentieth of the time that Python takes to tell of any."""
    import numpy as np  # noqa: PLC0415 - when events already come

    codes = np.frombuffer(text.encode(errors="surrogatepass"), np.uint8)
    return not codes.size or bool(codes.min() >= ord(" ") and codes.max() <= ord("~"))


def _names(values: Iterable[Any], form: SectionForm) -> Iterator[str]:
    """All strings in some sections, those of the kernel byte by byte."""
    for place, field in enumerate(form.fields):
        found = [value[place] for value in values if value[place] is not None]
        match field.form:
            case Form.TEXT:
                yield from found
            case Form.CHARS:
                yield from (value.decode("latin-1") for value in found)
            case Form.PART if field.part is not None:
                yield from _names(found, field.part)
            case Form.LIST if field.item is not None and field.item.form is Form.TEXT:
                yield from chain.from_iterable(found)


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
