"""Event files as streams and tables of Arrow."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa

from tracer_core.files.arrow.rows import Rows
from tracer_core.files.arrow.schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.events import EventSet

RecordBatchReader: TypeAlias = Any
"""A ``pyarrow.RecordBatchReader``, which has no types: gives batches of Arrow, one after the other."""

_AT_ONCE = 1 << 16


def table_of(events: EventSet) -> RecordBatchReader:
    """The events of files as a stream of Arrow; the files are closed when it has been read, or is gone."""

    def batches() -> Iterator[EventBatch]:
        with events:
            yield from events.batches(_AT_ONCE)

    found = batches()
    # also if nobody reads it: some only look at the schema
    weakref.finalize(found, events.__exit__, None, None, None)
    return stream_of(found, events.contents, events.about)


def stream_of(batches: Iterable[EventBatch], contents: Contents, about: About) -> RecordBatchReader:
    """Batches of events as a stream of Arrow. Columns that are Arrow's already are not copied.

    Args:
        batches: The events.
        contents: What they may have.
        about: Their run: it becomes part of the schema.
    """
    rows = Rows(schema_of(contents, about))
    arrow = (rows.batch(batch) for batch in batches if batch.count)
    return pa.RecordBatchReader.from_batches(rows.none().schema, arrow)


def flat(table: pa.Table) -> pa.Table:
    """The same with a column for each field, whose name is ``section.field``."""
    while any(pa.types.is_struct(field.type) for field in table.schema):
        table = table.flatten()
    return table
