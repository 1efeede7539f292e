"""Which sections a record holds, and where: a function of the mask in its header alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.sections import Header
from tracer_core.wire import BLOB_STEP, Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.plan.plan import PlannedSection

HEADER = layout_of(Header)
_PRESENT_WORD = HEADER.dtype_fields()["present"][1] // 8


@dataclass(frozen=True, slots=True)
class RecordLayout:
    """Records of one mask.

    Attributes:
        size: Bytes of a record.
        header: numpy type of the header, as wide as the record.
        sections: Sections that are there, each with its numpy type, as wide as the record.
    """

    size: int
    header: np.dtype[Any]
    sections: tuple[tuple[Layout, np.dtype[Any]], ...]


def record_layout(mask: int, sections: Sequence[PlannedSection]) -> RecordLayout:
    """Lay out the records of a mask.

    Args:
        mask: From a record's header.
        sections: Of the plan, in order.
    """
    at, present = HEADER.size, []
    for planned in sections:
        layout, bits = planned.layout, mask >> planned.shift
        if bits & 1:
            steps = bits >> 1 & (1 << layout.blob.bits) - 1 if layout.blob else 0
            present.append((layout, at, steps))
            at += layout.size + steps * BLOB_STEP
    return RecordLayout(
        size=at,
        header=_dtype(HEADER, 0, 0, at),
        sections=tuple((layout, _dtype(layout, start, steps, at)) for layout, start, steps in present),
    )


def group(batch: Batch) -> list[tuple[int, np.ndarray[Any, np.dtype[np.int64]]]]:
    """Tell apart records by mask.

    Returns:
        (mask, positions in the batch) pairs; positions ascend.
    """
    words = np.frombuffer(batch.data, np.uint64, len(batch.data) // 8)
    offsets = np.asarray(batch.offsets, np.int64)
    masks = words[offsets // 8 + _PRESENT_WORD]
    return [(int(mask), np.flatnonzero(masks == mask)) for mask in np.unique(masks)]


def gather(
    batch: Batch, positions: np.ndarray[Any, np.dtype[np.int64]], size: int
) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Copy records of one size next to each other: bytes of shape (records, size)."""
    data = np.frombuffer(batch.data, np.uint8)
    starts = np.asarray(batch.offsets, np.int64)[positions]
    rows: np.ndarray[Any, np.dtype[np.uint8]] = data[starts[:, None] + np.arange(size)]
    return rows


def _dtype(layout: Layout, start: int, steps: int, itemsize: int) -> np.dtype[Any]:
    fields = layout.dtype_fields(steps)
    return np.dtype(
        {
            "names": list(fields),
            "formats": [dtype for dtype, _ in fields.values()],
            "offsets": [start + offset for _, offset in fields.values()],
            "itemsize": itemsize,
        }
    )
