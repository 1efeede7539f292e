"""Events of ``tracer collect -o PIPE`` while they come, as Arrow's own columns."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
from pyarrow import ipc
from tests.soak.truth import Truth

from tracer_core.files.arrow.schema import META


def follow(pipe: Path, truth: Truth) -> dict[str, int]:
    """Let *truth* take all events that come out of a pipe, until its end.

    Returns:
        How many were lost, by probe.
    """
    lost: dict[str, int] = {}
    with pipe.open("rb") as file, ipc.open_stream(file) as stream:
        while True:
            try:
                batch, metadata = stream.read_next_batch_with_custom_metadata()
            except StopIteration:
                return lost
            if metadata is not None:
                lost = json.loads(metadata[META])["end"].get("lost", {})
            _take(batch, truth)


def _take(batch: pa.RecordBatch, truth: Truth) -> None:
    truth.counts.events += batch.num_rows
    data, tracking = batch.column("packet").field("data"), batch.column("skb-tracking")
    _, offsets, content = data.buffers()
    if not batch.num_rows or content is None:
        return
    places = np.frombuffer(offsets, np.int32)[data.offset : data.offset + len(data) + 1].astype(np.int64)
    is_known = tracking.is_valid().to_numpy(zero_copy_only=False)
    timestamp, head = (
        np.where(is_known, tracking.field(name).to_numpy(zero_copy_only=False), 0).astype(np.uint64)
        for name in ("timestamp", "orig_head")
    )
    truth.take(np.frombuffer(content, np.uint8), places, timestamp, head)
