"""Any event file, whatever its name: what is in it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from tracer_core.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tracer_core.files.about import About
    from tracer_core.sections import Event

_ARROW = b"\xff\xff\xff\xff"  # how a message of an Arrow stream begins


class EventReader(Protocol):
    """The events of a file, in its order. Iterate once; leaving the context closes the file."""

    about: About
    """The run that they are of."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...

    def __iter__(self) -> Iterator[Event]:
        """The events.

        Raises:
            RunError: the file is damaged. The events before have been given.
        """


def open_events(path: Path, sections: Iterable[type[Any]]) -> EventReader:
    """Open an event file: an Arrow stream or JSON lines.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known; others come as
            :class:`~tracer_core.files.json_form.UnknownSection`.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
        RunError: it is no event file, or one of a version that cannot be read.
    """
    try:
        with path.open("rb") as file:
            head = file.read(len(_ARROW))
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint="name an event file") from error
    if head == _ARROW:
        from tracer_core.files.arrow_read import ArrowEventsReader  # noqa: PLC0415 - pyarrow takes its time

        return ArrowEventsReader(path, sections)
    if head.lstrip()[:1] in {b"{", b"["}:
        from tracer_core.files.json_read import JsonLinesReader  # noqa: PLC0415 - only for those who want it

        return JsonLinesReader(path, sections)
    reason = "it is empty" if not head else "it is neither an Arrow stream nor JSON lines"
    raise RunError(f"{path} is no event file: {reason}", hint="name a file of tracer collect -o")
