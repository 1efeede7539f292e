"""Events as an Arrow IPC stream: columns from the ring to the disk, with nothing per event in Python."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import numpy as np
from pyarrow import ipc

from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import RunError
from tracer_core.files import arrow_schema
from tracer_core.files.arrow_rows import Rows
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow as pa

    from tracer_core.backend.base import Batch
    from tracer_core.decode.records import Numbers
    from tracer_core.files.about import About
    from tracer_core.files.target import Target
    from tracer_core.plan.plan import Plan
    from tracer_core.plugins.declaration import Declaration

ROWS = 1 << 16
"""Events of a batch in the file, at most: what is worth a flush, and what bounds memory."""


class ArrowEvents:
    """Writes batches to a target, which stays the caller's. What a call of its methods wrote is whole batches.

    Args:
        target: Where.
        about: Becomes part of the schema.
        plan: That the records are of; *about* has its probes.
        declarations: Of the collectors, for their decoders.

    Raises:
        PluginError: a section cannot be held by such files.
        RunError: the target failed.
    """

    def __init__(self, target: Target, about: About, plan: Plan, declarations: Sequence[Declaration]) -> None:
        self._target = target
        self._decoder = ColumnDecoder(plan, declarations)
        decoded = {layout_of(decoder.section).name for d in declarations for decoder in d.decoders}
        self._schema, forms = arrow_schema.schema_of(plan, decoded, about)
        self._rows = Rows(self._schema, forms, about)
        self._waiting: list[Batch] = []
        self.pending = 0
        """Events that wait for :meth:`flush`."""
        self.events = 0
        """Events written."""
        self._bytes = io.BytesIO()
        # threads would take the CPU time of whoever makes the packets
        options = ipc.IpcWriteOptions(compression="lz4", use_threads=False)
        self._stream = ipc.new_stream(self._bytes, self._schema, options=options)
        self._put(self._rows.none())  # writes the schema: a file of no events is one of ours, too

    def add(self, batch: Batch) -> None:
        """Take a batch. It is written with others at the next :meth:`flush`: each costs about a millisecond there."""
        self._waiting.append(batch)
        self.pending += len(batch)

    def flush(self) -> None:
        """Write what was added.

        Raises:
            PluginError: a collector decodes to what it did not declare.
            RunError: the target failed, or the records are not of this plan. Whole batches are left in the file.
        """
        waiting, self._waiting, self.pending = self._waiting, [], 0
        for data, starts in _pieces(waiting):
            columns = self._decoder.decode_records(data, starts)
            self._put(self._rows.batch(columns))
            self.events += columns.count

    def end(self, facts: Mapping[str, Any]) -> None:
        """Flush, and write what is only known at the end: losses, for example. Nothing can be added any more.

        It goes with a batch without events, of which other readers see nothing.

        Args:
            facts: What JSON can hold, by name.
        """
        self.flush()
        self._put(self._rows.none(), {arrow_schema.META: json.dumps({"end": dict(facts)})})
        self._stream.close()
        self._write()

    def _put(self, batch: pa.RecordBatch, metadata: Mapping[bytes, str] | None = None) -> None:
        self._stream.write_batch(batch, custom_metadata=metadata)
        self._write()

    def _write(self) -> None:
        data = self._bytes.getvalue()
        self._bytes.seek(0)
        self._bytes.truncate()
        try:
            self._target.write(data)
        except RunError as error:
            raise RunError(f"{error.message}, after {self.events} event(s)", hint=error.hint) from error
        self._target.commit()


def _pieces(batches: list[Batch]) -> Iterator[tuple[bytes, Numbers]]:
    """The records of all batches, some at a time: bytes, and where in them each begins."""
    if not batches:
        return
    data = batches[0].data if len(batches) == 1 else b"".join(batch.data for batch in batches)
    bases = np.cumsum([0, *(len(batch.data) for batch in batches)])
    starts = np.concatenate([np.asarray(b.offsets, np.int64) + at for b, at in zip(batches, bases, strict=False)])
    for first in range(0, len(starts), ROWS):
        yield data, starts[first : first + ROWS]
