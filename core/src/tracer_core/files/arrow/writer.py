"""Events as an Arrow IPC stream: columns from the ring to the disk, with nothing per event in Python."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from tracer_core.files.arrow.rows import Rows
from tracer_core.files.arrow.schema import META, SERIES, schema_of
from tracer_core.files.writer import EventWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.writer import Files

ROWS = 1 << 16
"""Events of a batch in the file, at most: what is worth a flush, and what bounds memory."""

_END_ROOM = 1 << 16  # bytes that a file of a rotated set keeps for its end, if that takes no more


class ArrowEvents(EventWriter):
    """Writes batches of events. What a call of its methods wrote is whole batches of Arrow.

    Args:
        files: Where; they stay the caller's.
        about: Becomes part of the schema.
        contents: What the events may have.

    Raises:
        PluginError: a section cannot be held by such files.
        RunError: the target failed.
    """

    def __init__(self, files: Files, about: About, contents: Contents) -> None:
        super().__init__(files)
        self._about = about
        self._contents = contents
        self._bytes = io.BytesIO()
        self._begin()

    def write(self, batch: EventBatch) -> None:
        """Write events: a batch of Arrow, which costs about a millisecond whatever is in it.

        Raises:
            PluginError: a collector decodes to what it did not declare.
            RunError: the target failed. Whole batches are left in the file.
        """
        if batch.count:
            self._fit(self._rows.batch(batch))

    def write_together(self, batches: Sequence[EventBatch]) -> None:
        """The same for several, which become as few batches of Arrow as may be. Errors are as above."""
        table = pa.Table.from_batches([self._rows.batch(batch) for batch in batches], self._rows.none().schema)
        for rows in table.combine_chunks().to_batches(ROWS):
            self._fit(rows)

    def end(self, facts: Mapping[str, Any]) -> None:
        """Write what is only known at the end: losses, for example. Nothing can be written any more.

        It goes with a batch without events, of which other readers see nothing.

        Args:
            facts: What JSON can hold, by name.
        """
        if facts and not self._is_new and not self._files.fits(self._end_size(facts)):
            self._next()
        self._close(facts)

    def _next(self) -> None:
        """Go on in another file."""
        self._close({})
        self._files.advance()
        self._begin()

    def _close(self, facts: Mapping[str, Any]) -> None:
        self._files.target.check()
        self._stream.write_batch(self._rows.none(), custom_metadata=_end(facts))
        self._stream.close()
        self._put(self._taken())

    def _end_size(self, facts: Mapping[str, Any]) -> int:
        """Bytes of an end, at most: it replaces names that were written before by none."""
        return _size(self._rows.none(), _end(facts))

    def _begin(self) -> None:
        schema = schema_of(self._contents, self._files.numbered(self._about))
        self._rows = Rows(schema)
        self._stream = ipc.new_stream(self._bytes, schema, options=_options())
        self._stream.write_batch(self._rows.none())  # writes the schema: a file of no events is one of ours, too
        self._put(self._taken())
        self._end_room = max(self._end_size({}), min(_END_ROOM, self._files.limit // 16))
        self._is_new = True

    def _fit(self, batch: pa.RecordBatch) -> None:
        """Write a batch where there is room for it, in parts if no file has room for all of it."""
        if self._files.limit and not self._files.fits(_size(batch) + self._end_room):
            if not self._is_new:
                self._next()
                self._fit(batch)
                return
            if batch.num_rows > 1:
                half = _middle(batch)
                self._fit(batch.slice(0, half))
                self._fit(batch.slice(half))
                return
        self._stream.write_batch(batch)
        self._put(self._taken())
        self.events += batch.num_rows
        self._is_new = False

    def _taken(self) -> bytes:
        data = self._bytes.getvalue()
        self._bytes.seek(0)
        self._bytes.truncate()
        return data


def empty_size(about: About, contents: Contents) -> int:
    """Bytes of a file without events: most of it is the schema, and that its two batches are of all columns."""
    sink = io.BytesIO()
    none = Rows(schema_of(contents, about)).none()
    with ipc.new_stream(sink, none.schema, options=_options()) as stream:
        stream.write_batch(none)
        stream.write_batch(none, custom_metadata=_end({}))
    return sink.tell()


def _end(facts: Mapping[str, Any]) -> dict[bytes, str]:
    return {META: json.dumps({"end": dict(facts)})}


def _options() -> ipc.IpcWriteOptions:
    # threads would take the CPU time of whoever makes the packets
    return ipc.IpcWriteOptions(compression="lz4", use_threads=False)


def _middle(batch: pa.RecordBatch) -> int:
    """The row at which it is cut: between series, if it has several."""
    half: int = batch.num_rows // 2
    if SERIES not in batch.schema.names:
        return half
    series = batch.column(SERIES).to_numpy()
    begins: list[int] = (np.flatnonzero(series[1:] != series[:-1]) + 1).tolist()
    return min(begins, key=lambda row: abs(row - half), default=half)


def _size(batch: pa.RecordBatch, metadata: Mapping[bytes, str] | None = None) -> int:
    """Bytes that a batch takes in a file, at most: names that were written before are not written again."""
    sink = io.BytesIO()
    with ipc.new_stream(sink, batch.schema, options=_options()) as stream:
        stream.write_batch(batch, custom_metadata=metadata)
    schema: int = batch.schema.serialize().size
    return sink.tell() - schema
