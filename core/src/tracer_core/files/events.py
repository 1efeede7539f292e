"""Any event file, whatever its name: what is in it decides."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.errors import RunError
from tracer_core.files.reader import opened

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tracer_core.files.reader import EventReader

_ARROW = b"\xff\xff\xff\xff"  # how a message of an Arrow stream begins


def open_events(path: Path, sections: Iterable[type[Any]]) -> EventReader[Any]:
    """Open an event file: an Arrow stream or JSON lines.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known; others come as
            :class:`~tracer_core.files.unknown.UnknownSection`.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
        RunError: it is no event file, or one of a version that cannot be read.
    """
    head = opened(path, _head)
    if head == _ARROW:
        from tracer_core.files.arrow_read import ArrowEventsReader  # noqa: PLC0415 - pyarrow takes its time

        return ArrowEventsReader(path, sections)
    if head.lstrip()[:1] in {b"{", b"["}:
        from tracer_core.files.json_read import JsonLinesReader  # noqa: PLC0415 - only for those who want it

        return JsonLinesReader(path, sections)
    reason = "it is empty" if not head else "it is neither an Arrow stream nor JSON lines"
    raise RunError(f"{path} is no event file: {reason}", hint="name a file of tracer collect -o")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(len(_ARROW))
