"""Where in the bytes of a batch each section of each record is: a function of the masks in the headers alone.

Nothing here runs per record: positions are computed, and bytes copied, for all records at once, whatever their masks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.errors import RunError
from tracer_core.sections import Header
from tracer_core.wire import ALIGNMENT, BLOB_STEP, Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.plan.plan import PlannedSection

    Numbers = np.ndarray[Any, np.dtype[np.int64]]
    Records = np.ndarray[Any, np.dtype[Any]]

HEADER = layout_of(Header)


@dataclass(frozen=True, slots=True)
class Located:
    """Where a section is.

    Attributes:
        layout: Of the section.
        rows: The records that have it, ascending; nothing if all have it.
        starts: Where in the batch it begins, for each of those.
        steps: Of its variable part, for each of those; nothing if it has none.
    """

    layout: Layout
    rows: Numbers | None
    starts: Numbers
    steps: Numbers | None

    def only(self, wanted: np.ndarray[Any, np.dtype[np.bool_]]) -> Located:
        """The same for some records.

        Args:
            wanted: For each record of the batch, whether it is one of those.
        """
        keep = wanted if self.rows is None else wanted[self.rows]
        rows = np.flatnonzero(wanted) if self.rows is None else self.rows[keep]
        return Located(self.layout, rows, self.starts[keep], None if self.steps is None else self.steps[keep])


def locate(
    masks: np.ndarray[Any, Any], starts: Numbers, sections: Sequence[PlannedSection]
) -> tuple[list[Located], Numbers]:
    """Find the sections of records.

    Args:
        masks: From the headers.
        starts: Where in the batch each record begins.
        sections: Of the plan, in order.

    Returns:
        The sections that any record has, and where each record ends.
    """
    found, at = [], starts + HEADER.size
    for planned in sections:
        layout, bits = planned.layout, masks >> np.uint64(planned.shift)
        has = (bits & np.uint64(1)).astype(bool)
        if not has.any():
            continue
        rows = None if has.all() else np.flatnonzero(has)
        here = at if rows is None else at[rows]
        steps, size = None, np.full(1, layout.size)
        if layout.blob:
            present = bits if rows is None else bits[rows]
            steps = (present >> np.uint64(1) & np.uint64((1 << layout.blob.bits) - 1)).astype(np.int64)
            size = layout.size + steps * BLOB_STEP
        found.append(Located(layout, rows, here, steps))
        if rows is None:
            at = at + size
        else:
            at = at.copy()
            at[rows] += size
    return found, at


def misfit() -> RunError:
    """The error for records that are not of the plan, as those of a recording may be."""
    return RunError("a record does not fit the plan", hint="the recording is corrupt")


def take(data: bytes, starts: Numbers, dtype: np.dtype[Any]) -> Records:
    """Copy what begins at some places next to each other, or look at it where it is.

    Args:
        data: Of the batch.
        starts: Multiples of 8 in ascending order. All of it must be within the data.
        dtype: Of each.

    Raises:
        RunError: it is not: the records are not of the plan.
    """
    count, size = len(starts), dtype.itemsize
    if not count or not size:
        return np.zeros(count, dtype)
    if starts[0] < 0 or starts[-1] + size > len(data):
        raise misfit()
    stride = int(starts[1] - starts[0]) if count > 1 else size
    if count == 1 or bool((np.diff(starts) == stride).all()):
        return np.ndarray(count, dtype, data, int(starts[0]), (stride,))
    # a type without fields is copied as one block each; overlapping places are only read
    places: Records = np.ndarray((len(data) - size) // ALIGNMENT + 1, f"V{size}", data, 0, (ALIGNMENT,))
    return places[starts // ALIGNMENT].view(dtype)


def take_blobs(data: bytes, starts: Numbers, lengths: Numbers) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Copy pieces of different lengths, at multiples of 8, next to each other: bytes."""
    ends = np.cumsum(lengths)
    result = np.empty(int(ends[-1]) if len(ends) else 0, np.uint8)
    # pieces of one length are one copy
    order = np.argsort(lengths, kind="stable")
    sizes, firsts = np.unique(lengths[order], return_index=True)
    for size, group in zip(sizes.tolist(), np.split(order, firsts[1:]), strict=True):
        if not size:
            continue
        pieces = take(data, starts[group], np.dtype(f"V{size}"))
        if len(group) == len(starts):
            return np.ascontiguousarray(pieces).view(np.uint8)
        places: Records = np.ndarray(len(result) - size + 1, f"V{size}", result, 0, (1,))
        places[ends[group] - size] = pieces
    return result


def dtype_of(layout: Layout) -> np.dtype[Any]:
    """The numpy type of the fixed part of a section, padding included."""
    fields = layout.dtype_fields()
    return np.dtype(
        {
            "names": list(fields),
            "formats": [kind for kind, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": layout.size,
        }
    )


def pieces(batches: Sequence[Batch], most: int) -> Iterator[tuple[bytes, Numbers]]:
    """The records of all batches, some at a time: bytes, and where in them each begins.

    Args:
        batches: In order.
        most: Records of a piece.
    """
    if not batches:
        return
    data = batches[0].data if len(batches) == 1 else b"".join(batch.data for batch in batches)
    bases = np.cumsum([0, *(len(batch.data) for batch in batches)])
    starts = np.concatenate([np.asarray(b.offsets, np.int64) + at for b, at in zip(batches, bases, strict=False)])
    for first in range(0, len(starts), most):
        yield data, starts[first : first + most]
