"""Arrow files of made-up records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.decode.columns import ColumnDecoder, probe_info
from tracer_core.decode.records import pieces
from tracer_core.events.about import about_run
from tracer_core.events.form import form_of
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.arrow.writer import ROWS, ArrowEvents
from tracer_core.files.contents import Contents
from tracer_core.files.target_files import TargetFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tracer_core.backend.base import Batch
    from tracer_core.plan.plan import Plan


def write(plan: Plan, batches: Sequence[Batch], path: Path) -> None:
    """Make a file, as a run does."""
    about = about_run(["bench"], list(map(probe_info, plan.probes)), {}, {})
    decoder = ColumnDecoder(plan, ())
    with TargetFiles(path, is_arrow_events) as files:
        file = ArrowEvents(files, about, Contents(tuple(form_of(layout.cls) for layout in plan.layouts)))
        for data, starts in pieces(batches, ROWS):
            file.write(decoder.decode_records(data, starts))
        file.end({})
