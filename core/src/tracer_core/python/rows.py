"""Events of a batch, by their rows. Sections become objects, a column at a time, when one of them is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from tracer_core.display.startup import startup_parts
from tracer_core.files.contents import in_process, is_nowhere
from tracer_core.files.json.events import kind_shown, text_name
from tracer_core.files.json.startup import startup_own, version_of
from tracer_core.python.core import (
    COMMON,
    KERNEL,
    OWN,
    USERSPACE,
    CommonValue,
    KernelValue,
    OwnValue,
    TaskValue,
    UserspaceValue,
    startup,
)
from tracer_core.python.garbage import collector_waits
from tracer_core.python.known import attribute
from tracer_core.python.section import Plain
from tracer_core.sections import Stack
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch, SectionColumns
    from tracer_core.python.known import Known
    from tracer_core.python.section import Section
    from tracer_core.sections import ProbeInfo

_STACK = layout_of(Stack).name
_NOTHING: Mapping[str, Any] = {}


class Rows(Protocol):
    """Events, by their rows."""

    def get(self, name: str, row: int) -> Section | None:
        """The section of that name, as JSON has it, of an event that has it."""

    def sections(self, row: int) -> Iterator[tuple[str, Section]]:
        """The sections of an event, by that name."""

    def resolve(self, name: str) -> str | None:
        """The name of the section that an attribute is, if there is such a section."""

    def text(self, row: int) -> str:
        """The multi-line text of an event."""


class _Place(NamedTuple):
    """Where the events of a probe are of."""

    kernel: tuple[str, str] | None
    """Symbol and kind, as JSON has them, of one in the kernel."""
    own: str | None
    """Its true kind, if that is another."""
    process: tuple[str, str, int, str] | None
    """Kind, symbol, address and path of one in a process."""


class BatchRows:
    """Those of a batch.

    Args:
        batch: The events.
        known: What is known of sections.
    """

    def __init__(self, batch: EventBatch, known: Known) -> None:
        self._batch = batch
        self._known = known
        self._sections = {section.form.name: section for section in batch.sections}
        self._values: dict[str, list[Any]] = {}
        self._classes: dict[str, type[Section]] = {}
        self._places: dict[int, _Place] = {}  # by probe
        self._header: dict[str, list[Any]] = {}
        self._texts: list[str] | None = None
        self._theirs: dict[str, str] | None = None  # names of sections that nobody here declares, by attribute
        self._core: dict[str, Callable[[int], Section | None]] = {
            "common": self._common,
            "kernel": self._kernel,
            "userspace": self._userspace,
            "startup": lambda _: None,
            "tracer": self._own,
        }
        self._order = tuple(dict.fromkeys((*self._core, *self._sections)))

    def get(self, name: str, row: int) -> Section | None:
        """See :class:`Rows`."""
        core = self._core.get(name)
        if core is not None:
            return core(row)
        section = self._sections.get(name)
        if section is None:
            return self._undeclared(name, row)
        if name == _STACK and self._place(row).kernel:
            return None  # the format has another place for it
        value = self._objects(section)[row]
        if value is None:
            return self._undeclared(name, row)
        made = self._classes.get(name)
        if made is None:
            made = self._classes[name] = self._known.section(section.form)
        return made(value, self._others(row).get(name))

    def sections(self, row: int) -> Iterator[tuple[str, Section]]:
        """See :class:`Rows`."""
        others = self._others(row)
        for name in dict.fromkeys((*self._order, *others)) if others else self._order:
            found = self.get(name, row)
            if found is not None:
                yield name, found

    def resolve(self, name: str) -> str | None:
        """See :class:`Rows`."""
        found = self._known.names.get(name)
        if found is not None:
            return found
        if self._theirs is None:
            undeclared = (own for others in self._batch.undeclared or () for own in others or ())
            self._theirs = {attribute(own): own for own in (*self._sections, *undeclared)}
        return self._theirs.get(name)

    def text(self, row: int) -> str:
        """See :class:`Rows`."""
        if self._texts is None:
            self._texts = self._known.texts(self._batch)
        return self._texts[row]

    def _others(self, row: int) -> Mapping[str, Any]:
        undeclared = self._batch.undeclared
        return _NOTHING if undeclared is None else undeclared[row] or _NOTHING

    def _undeclared(self, name: str, row: int) -> Section | None:
        found = self._others(row).get(name)
        return None if found is None else Plain(found)

    def _objects(self, section: SectionColumns) -> list[Any]:
        """Of each event its section, as it is declared."""
        name = section.form.name
        found = self._values.get(name)
        if found is None:
            with collector_waits():
                found = self._values[name] = _spread(section.objects, section.rows, self._batch.count)
        return found

    def _column(self, name: str) -> list[Any]:
        found = self._header.get(name)
        if found is None:
            found = self._header[name] = self._batch.header[name].tolist()
        return found

    def _place(self, row: int) -> _Place:
        index = self._column("probe")[row]
        found = self._places.get(index)
        if found is None:
            found = self._places[index] = _place(self._batch.probes[index])
        return found

    def _common(self, row: int) -> Section:
        comm, cpu = self._column("comm")[row], self._column("cpu")[row]
        task = None
        if comm is not None:
            name = comm.decode(errors="replace")
            task = TaskValue(self._column("pid")[row], self._column("tgid")[row], name)
        value = CommonValue(self._column("timestamp")[row], cpu, task)
        return COMMON(value, self._others(row).get("common"))

    def _kernel(self, row: int) -> Section | None:
        place = self._place(row).kernel
        if place is None:
            return None
        stack = None
        if _STACK in self._sections:
            stack = self._objects(self._sections[_STACK])[row]
        frames = None if stack is None else stack.frames
        return KERNEL(KernelValue(*place, frames), self._others(row).get("kernel"))

    def _userspace(self, row: int) -> Section | None:
        place = self._place(row).process
        if place is None:
            return self._undeclared("userspace", row)
        ids = self._column("pid")[row] or 0, self._column("tgid")[row] or 0
        return USERSPACE(UserspaceValue(*place, *ids), self._others(row).get("userspace"))

    def _own(self, row: int) -> Section | None:
        kind, lost = self._place(row).own, self._column("lost")[row] or None
        more = self._others(row).get("tracer")
        return OWN(OwnValue(kind, lost), more) if kind or lost or more else None


def _place(probe: ProbeInfo) -> _Place:
    if is_nowhere(probe):
        return _Place(None, None, None)
    symbol = text_name(probe.symbol)
    if in_process(probe):
        return _Place(None, None, (probe.kind, symbol, probe.ip, text_name(probe.path)))
    shown = kind_shown(probe)
    return _Place((symbol, shown), probe.kind if shown != probe.kind else None, None)


class StartupRows:
    """The first event of a file, which says what the run was.

    Args:
        about: The run.
        known: What is known of sections.
    """

    def __init__(self, about: About, known: Known) -> None:
        version = about.writer.removeprefix("Retis ")
        if version == about.writer:
            version = version_of(about)
        self._known = known
        self._text = "\n  ".join((str(about.started), *startup_parts(about)))
        self._sections: dict[str, Section] = {
            "common": COMMON(CommonValue(about.started, None, None)),
            "startup": startup(about, version),
        }
        if about.probes or about.collectors or about.sections:
            self._sections["tracer"] = Plain(startup_own(about))

    def get(self, name: str, _row: int) -> Section | None:
        """See :class:`Rows`."""
        return self._sections.get(name)

    def sections(self, _row: int) -> Iterator[tuple[str, Section]]:
        """See :class:`Rows`."""
        yield from self._sections.items()

    def resolve(self, name: str) -> str | None:
        """See :class:`Rows`."""
        return self._known.names.get(name)

    def text(self, _row: int) -> str:
        """See :class:`Rows`."""
        return self._text


def _spread(objects: list[Any], rows: Any, count: int) -> list[Any]:  # noqa: ANN401 - numpy's, or nothing
    if rows is None:
        return objects
    found: list[Any] = [None] * count
    for row, value in zip(rows.tolist(), objects, strict=True):
        found[row] = value
    return found
