"""How small the files of a rotated set may be."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.cli.options.output import Kind
from tracer_core.errors import UsageError

if TYPE_CHECKING:
    from tracer_core.cli.options.output import Sorting
    from tracer_core.run.prepare import Prepared

_KB = 1000
_STEP = 100 * _KB
_AMPLE = 1000 * _KB  # no file of the collectors that we know takes half of it without events


def refuse_small(limit: int, kind: Kind, prepared: Prepared, sorting: Sorting | None) -> None:
    """Refuse a limit more than half of which each file would need to say what is in it.

    Args:
        limit: Bytes of each file.
        kind: Of the files.
        prepared: The run.
        sorting: How its events are sorted, if they are.

    Raises:
        UsageError: it is too small; the hint says what is enough.
    """
    if limit >= _AMPLE:
        return  # what is imported below would be imported while events come
    empty = _empty(kind, prepared, sorting)
    if limit >= 2 * empty:
        return
    least = -(-2 * empty // _STEP) * _STEP // _KB
    what = f"--out-rotate {limit // _KB}KB: each file of this run takes {empty // _KB} KB beside its events"
    raise UsageError(what, hint=f"give {least}KB or more{', or name it FILE.json' if kind is Kind.ARROW else ''}")


def _empty(kind: Kind, prepared: Prepared, sorting: Sorting | None) -> int:
    from tracer_core.run.sinks import about, contents  # noqa: PLC0415 - numpy

    if kind is Kind.JSON:
        from tracer_core.files.json.writer import empty_size as size_of_lines  # noqa: PLC0415 - only for those who want it

        return size_of_lines(about(prepared))
    from tracer_core.files.arrow.writer import empty_size  # noqa: PLC0415 - pyarrow takes its time

    return empty_size(about(prepared), sorting.contents(prepared) if sorting else contents(prepared))
