"""One section of records, as its decoder is given it, and nothing else of them."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from tracer_core.decode.columns import recorded_columns
from tracer_core.decode.groups import assemble
from tracer_core.decode.records import HEADER, dtype_of, locate, take
from tracer_core.decode.shapes import plain
from tracer_core.events.form import recorded_form

if TYPE_CHECKING:
    from tracer_core.backend.base import Batch
    from tracer_core.events.batch import Column
    from tracer_core.plan.plan import Plan
    from tracer_core.types import Columns
    from tracer_core.wire import Layout


class SectionDecoder:
    """Takes a section out of the records of a plan.

    Args:
        plan: That the records were made by.
        layout: Of the section.
    """

    def __init__(self, plan: Plan, layout: Layout) -> None:
        self._layout = layout
        self._form = recorded_form(layout)
        self._header = dtype_of(HEADER)
        self._sections = plan.sections
        own = [section for section in plan.sections if layout in (section.layout, section.group_of)]
        self._dtypes = {section.layout.name: dtype_of(section.layout) for section in own}
        self._mask = np.uint64(reduce(lambda mask, section: mask | 1 << section.shift, own, 0))

    def decode(self, batch: Batch) -> tuple[Columns, int] | None:
        """Its columns, and how many events have it; nothing if none has. They share no memory with the batch.

        Raises:
            RunError: the records are not of the plan.
        """
        starts = np.asarray(batch.offsets, np.int64)
        present = take(batch.data, starts, self._header)["present"]
        having = (present & self._mask).astype(bool)
        if not having.any():
            return None
        located, _ = locate(present[having], starts[having], self._sections)
        pieces = {
            one.layout.name: (
                one.rows,
                len(one.starts),
                {
                    name: _copied(column)
                    for name, column in recorded_columns(batch.data, one, self._dtypes[one.layout.name]).items()
                },
            )
            for one in located
            if one.layout.name in self._dtypes
        }
        section = assemble(self._layout, self._form, pieces)
        return None if section is None else (plain(section), len(section))


def _copied(column: Column) -> Column:
    return column.copy() if isinstance(column, np.ndarray) else column
