"""The text of events: for each a first line and parts, laid out as Retis lays them out.

``TIMESTAMP (CPU) [TASK] PID/TGID [KIND] SYMBOL`` and, in multi-line format, parts on lines of their own, indented
by two, and an empty line after the event; in single-line format everything on one line. In sorted files all events of a
series but the first are indented by four, with an arrow, and the empty line comes after the series.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.display.colour import paint_of
from tracer_core.display.head import Heads
from tracer_core.display.printable import printable
from tracer_core.display.section_text import section_texts
from tracer_core.errors import PluginError
from tracer_core.plan.ordering import ordered
from tracer_core.plugins.declaration import BUG
from tracer_core.types import Place
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch, SectionColumns
    from tracer_core.plugins.declaration import Owner
    from tracer_core.types import Formatter, TextOptions

_INDENT = "  "
_LATER = "  ↳ "  # before the first line of the later events of a series


def _beside(order: Sequence[str], beside: Mapping[str, str]) -> list[str]:
    """The order in which those that stand beside another come right behind it."""
    known = set(order)
    behind: dict[str, list[str]] = {}
    for name in order:
        if beside[name] in known:
            behind.setdefault(beside[name], []).append(name)
    return [each for name in order if beside[name] not in known for each in (name, *behind.get(name, ()))]


class TextFormat:
    """Turns events into text.

    Args:
        formatters: Of the collectors, with their owners.
        options: How the user wants it.
        utc: Times are shown as dates, in UTC.
        coloured: It is for a terminal: with escape sequences, and the same without them.

    Raises:
        PluginError: two collectors format one section.
    """

    def __init__(
        self,
        formatters: Iterable[tuple[Owner, Formatter]],
        options: TextOptions,
        *,
        utc: bool = False,
        coloured: bool = False,
    ) -> None:
        self._options = options
        self._coloured = coloured
        self._heads = Heads(utc=utc, coloured=coloured)
        self._series: Any = None
        found: dict[str, tuple[Owner, Formatter]] = {}
        for owner, formatter in formatters:
            name = layout_of(formatter.section).name
            other, _ = found.setdefault(name, (owner, formatter))
            if other is not owner:
                raise PluginError(f"section {name} is formatted by both {other} and {owner}")
        order = _beside(
            ordered({name: formatter.after for name, (_, formatter) in found.items()}),
            {name: formatter.beside for name, (_, formatter) in found.items()},
        )
        places = list(Place)  # what comes first on a line is appended first
        self._formatters = {
            name: found[name] for name in sorted(order, key=lambda name: places.index(found[name][1].place))
        }

    def begin(self, about: About) -> None:
        """What comes next is of this run: it says when its clock began."""
        self._heads.clock_offset = about.clock_offset

    def lines(self, batch: EventBatch) -> Sequence[str]:
        """The text of each event, with the line ends that separate it from the next.

        Raises:
            PluginError: a collector's formatter failed.
        """
        texts = self._heads.of(batch)
        sections = {section.form.name: section for section in batch.sections}
        for name, (owner, formatter) in self._formatters.items():
            section = sections.pop(name, None)
            if section is None:
                continue
            if section.form.cls is not formatter.section:
                sections[name] = section
                continue
            found = _formatted(section, owner, formatter, self._options)
            if self._coloured and (paint := paint_of(formatter.style)) is not None:
                found = list(map(paint, found))
            rows, hidden = section.rows_in(batch), {row for name in formatter.unless for row in _rows(batch, name)}
            if hidden:
                found = ["" if row in hidden else text for row, text in zip(rows, found, strict=True)]
            self._append(texts, rows, found, formatter.place, frozenset(_rows(batch, formatter.beside)))
        for name in sorted(sections):
            section = sections[name]
            self._append(texts, section.rows_in(batch), (generic(name, value) for value in section.objects))
        for row, others in enumerate(batch.undeclared or ()):
            for name, values in sorted((others or {}).items()):
                self._append(texts, [row], [_generic_fields(name, values)])
        if batch.series is not None:
            return list(self._in_series(texts, batch.series.tolist()))
        ending = "\n\n" if self._options.multi_line else "\n"
        return [text + ending for text in texts]

    def end(self) -> str:
        """What is still to be written after the last event."""
        last, self._series = self._series, None
        return "" if last is None else "\n"

    def _append(
        self,
        texts: list[str],
        rows: Iterable[int],
        found: Iterable[str],
        place: Place = Place.PART,
        beside: frozenset[int] = frozenset(),
    ) -> None:
        """Put the texts of a section behind what is there of the events that have it, in some on the same line."""
        apart = self._options.multi_line and place is not Place.HEAD
        before = f"\n{_INDENT}" if apart else " "
        for row, text in zip(rows, found, strict=True):
            if text:
                texts[row] += (" " if row in beside else before) + (text.replace("\n", before) if apart else text)

    def _in_series(self, texts: list[str], series: list[Any]) -> Iterator[str]:
        for text, number in zip(texts, series, strict=True):
            if number == self._series:
                yield _LATER + text.replace("\n", "\n" + 2 * _INDENT) + "\n"
            else:
                yield ("" if self._series is None else "\n") + text + "\n"
            self._series = number


def generic(name: str, section: Any) -> str:  # noqa: ANN401 - a section class of any collector
    """Text of a section that nobody formats: its fields, by name."""
    return _generic_fields(name, section._asdict())


def _generic_fields(name: str, values: Any) -> str:  # noqa: ANN401 - what JSON can hold
    fields = values.items() if isinstance(values, dict) else [("", values)]
    texts = (f"{key} {value.hex() if isinstance(value, bytes) else value}" for key, value in fields)
    return printable(" ".join((name, *texts)))


def _formatted(section: SectionColumns, owner: Owner, formatter: Formatter, options: TextOptions) -> list[str]:
    try:
        return section_texts(section.objects, section.form, formatter, options)
    except Exception as error:
        raise PluginError(
            f"{owner}: formatting section {section.form.name} failed: {type(error).__name__}: {error}",
            hint=BUG,
        ) from error


def _rows(batch: EventBatch, name: str) -> Iterable[int]:
    """The events that have a section."""
    return next((section.rows_in(batch) for section in batch.sections if section.form.name == name), ())
