"""An event, as Python programs see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.python.fixed import Fixed
from tracer_core.python.html import table
from tracer_core.python.known import attribute

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.python.core import Common, Kernel, Own, Startup, Userspace
    from tracer_core.python.rows import Rows
    from tracer_core.python.section import Section


class Event(Fixed):
    """An event: its sections are attributes, None where it has none.

    Their names are those in JSON, with ``_`` for ``-``: ``event.packet``, or ``event["packet"]``, which
    raises KeyError where there is none. A name that is a word of Python has a ``_`` behind it: ``event.return_``.
    """

    __slots__ = ("_row", "_rows")

    def __init__(self, rows: Rows, row: int) -> None:
        self._rows = rows
        self._row = row

    @property
    def common(self) -> Common:
        """When, on which CPU and in which task."""
        return self._rows.get("common", self._row)  # type: ignore[return-value] # each has it

    @property
    def kernel(self) -> Kernel | None:
        """The place in the kernel."""
        return self._rows.get("kernel", self._row)  # type: ignore[return-value] # it is that

    @property
    def userspace(self) -> Userspace | None:
        """The place in a process."""
        return self._rows.get("userspace", self._row)  # type: ignore[return-value] # it is that

    @property
    def startup(self) -> Startup | None:
        """What the run was: of the first event of a file."""
        return self._rows.get("startup", self._row)  # type: ignore[return-value] # it is that

    @property
    def tracer(self) -> Own | None:
        """What the format of Retis has no other place for."""
        return self._rows.get("tracer", self._row)  # type: ignore[return-value] # it is that

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - sections of collectors
        if name.startswith("_"):  # notebooks ask for many
            raise AttributeError(name, name=name, obj=self)
        found = self._rows.resolve(name) or self._rows.resolve(name.removesuffix("_"))
        if found is None:
            what = f"there is no section {name!r}: no installed collector has one, nor has an event near this one"
            raise AttributeError(what, name=name, obj=self)
        return self._rows.get(found, self._row)

    def __getitem__(self, name: str) -> Section:
        if not isinstance(name, str):
            raise TypeError(f"sections have names, not {type(name).__name__}")
        found = self._find(name)
        if found is None:
            raise KeyError(name)
        return found

    def __contains__(self, name: str) -> bool:
        if not isinstance(name, str):
            raise TypeError(f"sections have names, not {type(name).__name__}")
        return self._find(name) is not None

    def __dir__(self) -> Iterator[str]:
        yield from object.__dir__(self)
        yield from self.sections()

    def sections(self) -> list[str]:
        """Names of the attributes that are the sections that it has, sorted."""
        return sorted(attribute(name) for name, _ in self._rows.sections(self._row))

    def to_dict(self) -> dict[str, Any]:
        """The event as JSON has it."""
        return {name: section.to_dict() for name, section in self._rows.sections(self._row)}

    def __str__(self) -> str:
        return self._rows.text(self._row)

    def __repr__(self) -> str:
        return repr(self.to_dict())

    def _repr_html_(self) -> str:
        return table(self.to_dict())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Event) and (self is other or self.to_dict() == other.to_dict())

    def __hash__(self) -> int:
        return hash(self.common.timestamp)

    def _find(self, name: str) -> Section | None:
        found = self._rows.resolve(attribute(name))
        return None if found is None else self._rows.get(found, self._row)
