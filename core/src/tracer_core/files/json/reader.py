"""Events from JSON lines, sorted or not: those that we write, and those of Retis 1.5 and later."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any

from tracer_core.errors import RunError
from tracer_core.files.contents import Contents
from tracer_core.files.json.batch import BatchBuilder
from tracer_core.files.json.columns import UnusualError
from tracer_core.files.json.form import FormError, parse, shallow
from tracer_core.files.json.startup import NEWEST, OWN, read_startup
from tracer_core.files.json.upgrade import upgrade
from tracer_core.files.reader import AT_ONCE, EventReader, reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from tracer_core.events.batch import EventBatch
    from tracer_core.types import Upgrade

log = logging.getLogger(__name__)

_LONGEST = 1 << 26  # bytes of a line; what is longer is no event file
_LINES = 1024  # that are read at once: few enough to stay in the processor's cache


class JsonLinesReader(EventReader[IO[bytes]]):
    """The events of JSON lines; see :class:`~tracer_core.files.reader.EventReader`.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known.
        upgrades: How sections of older files differ.
    """

    def __init__(self, path: Path, sections: Iterable[type[Any]], upgrades: Iterable[Upgrade] = ()) -> None:
        self._line = self._number = self._given = 0  # the line that was read last, and the one that is looked at
        super().__init__(path, sections, upgrades, lambda path: path.open("rb"))

    def batches(self, at_once: int = AT_ONCE) -> Iterator[EventBatch]:
        """See :class:`~tracer_core.files.reader.EventReader`. A last line that is cut short is left out."""
        while True:
            lines, trouble = self._lines(min(_LINES, at_once))
            try:
                yield from self._take_in(lines)
            except (FormError, TypeError, AttributeError, KeyError, ValueError) as error:
                yield self._taken()
                raise self._wrong(f"it is no event: {reason(error)}") from error
            if not lines or trouble is not None:
                break
            if self._builder.count > at_once - min(_LINES, at_once):
                yield self._taken()
        yield self._taken()
        if isinstance(trouble, RunError):
            raise trouble
        if trouble is not None:
            what = "%s ends within line %d: the run was killed or the disk full; the %d events before it are whole"
            log.warning(what, self.path, self._line, self._given)
        self._tell_losses()

    def _lines(self, most: int) -> tuple[list[tuple[int, list[dict[str, Any]]]], Exception | None]:
        """The next lines, each with its number, and why there are no more, if not because the file ends."""
        found: list[tuple[int, list[dict[str, Any]]]] = []
        try:
            while len(found) < most and (events := self._next()) is not None:
                found.append((self._line, events))
        except (RunError, _CutError) as error:
            return found, error
        return found, None

    def _take_in(self, lines: Iterable[tuple[int, list[dict[str, Any]]]]) -> Iterator[EventBatch]:
        """Have the builder take events. When a run begins, what there is of the one before comes out."""
        waiting: list[tuple[int, dict[str, Any]]] = []
        for number, events in lines:
            for values in events:
                own = values.get(OWN)
                end = own.get("end") if isinstance(own, dict) else None
                if end is None and values.get("startup") is None:
                    waiting.append((number, values))
                    continue
                self._add(waiting)
                waiting.clear()
                self._number = number
                if end is not None:
                    self.end = shallow(dict(end))
                else:  # files that were put one behind the other
                    yield self._taken()
                    self._start(values)
        self._add(waiting)

    def _add(self, events: Sequence[tuple[int, dict[str, Any]]]) -> None:
        """Have the builder take events of one run, each with the number of its line."""
        if not self._changes:
            with suppress(UnusualError):
                series = [number for number, _ in events] if self._is_sorted else None
                self._builder.add_usual([values for _, values in events], series)
                return
        for self._number, values in events:
            if self._changes:
                upgrade(values, self._changes)
            self._builder.add(values, self._number if self._is_sorted else None)

    def _taken(self) -> EventBatch:
        self._given += self._builder.count
        return self._builder.take()

    def _next(self) -> list[dict[str, Any]] | None:
        """The events of the next line."""
        try:
            line = self._source.readline(_LONGEST)
        except OSError as error:
            raise RunError(f"cannot read {self.path}: {error.strerror}") from error
        if not line:
            return None
        self._line += 1
        try:
            found = parse(line)
        except ValueError as error:
            if line.endswith(b"\n") or len(line) == _LONGEST or self._line == 1:
                raise self._wrong(f"it is no JSON: {error}", self._line) from error
            raise _CutError from error
        events = found if isinstance(found, list) else [found]
        if self._line == 1:
            self._is_sorted = isinstance(found, list)
        elif isinstance(found, list) != self._is_sorted:
            raise self._wrong(
                f"it is {'an event' if self._is_sorted else 'a series'}, unlike the lines before", self._line
            )
        if not events or not all(isinstance(values, dict) for values in events):
            raise self._wrong("it is no event", self._line)
        return events

    def _begin(self) -> None:
        events = self._next()
        if events is None:
            raise RunError(f"{self.path} is empty", hint="name an event file")
        self._number = self._line
        try:
            # of a first series, the last event says what the file is
            self._start(events[-1])
        except FormError as error:
            raise self._wrong(str(error)) from error
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            raise self._wrong(f"it does not say how the file began: {reason(error)}") from error

    def _start(self, values: dict[str, Any]) -> None:
        """Begin a run."""
        self.about, version = read_startup(values)
        if version == NEWEST:
            told = str(values["startup"]["retis_version"])
            log.warning("%s: %r is no version of Retis: it is read as of the newest", self.path, told)
        self._changes = tuple(change for change in self._upgrades if version < change.before)
        versions = self.about.sections
        forms = {name: form for name, form in self._forms.items() if versions.get(name, form.version) == form.version}
        sections = tuple(self._forms.values())
        self.contents = Contents(sections, in_process=True, undeclared=True, is_sorted=self._is_sorted)
        self._builder = BatchBuilder(forms, self.about.probes)

    def _wrong(self, what: str, line: int = 0) -> RunError:
        return RunError(
            f"{self.path}, line {line or self._number}: {what}", hint="the file is damaged, or no event file"
        )


class _CutError(Exception):
    """The last line is not whole."""
