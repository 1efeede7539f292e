"""Where the events of a run go: each sink takes batches as they come out of the ring."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from tracer_core.decode.columns import ColumnDecoder, probe_info
from tracer_core.decode.records import pieces
from tracer_core.events.about import about_run
from tracer_core.events.form import form_of
from tracer_core.files.contents import Contents

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.target_files import TargetFiles
    from tracer_core.files.writer import Files
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.summary import Summary

_FLUSH_AFTER = 1.0  # seconds that an event waits to be written, at most


class Sink(Protocol):
    """Takes the events of a run."""

    def take(self, batch: Batch) -> None:
        """Take a batch, never an empty one."""

    def add(self, events: EventBatch) -> None:
        """Take events that sessions reported: they come after those that were taken so far."""

    def tick(self) -> None:
        """Some time has passed, a fraction of a second, whether events come or not."""

    def end(self, facts: Mapping[str, Any]) -> None:
        """There will be no more.

        Args:
            facts: What is only known now, as JSON can hold it; see :meth:`~tracer_core.run.losses.LossReport.facts`.
        """


class BatchOutput(Protocol):
    """Takes the events of a run as columns."""

    def write(self, batch: EventBatch) -> None:
        """Take some, in order."""

    def tick(self) -> None:
        """See :class:`Sink`."""

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`Sink`."""


class EventSink:
    """Decodes batches, once for all who want them.

    Args:
        prepared: The run.
        outputs: Take them, in this order.
        summary: Is shown what was decoded.
    """

    def __init__(self, prepared: Prepared, outputs: Sequence[BatchOutput], summary: Summary | None = None) -> None:
        self._decoder = ColumnDecoder(prepared.plan, prepared.readers)
        self._outputs = outputs
        self._summary = summary

    def take(self, batch: Batch) -> None:
        """See :class:`Sink`."""
        decoded = self._decoder.decode(batch)
        if self._summary is not None:
            self._summary.look(decoded)
        for output in self._outputs:
            output.write(decoded)

    def add(self, events: EventBatch) -> None:
        """See :class:`Sink`."""
        for output in self._outputs:
            output.write(events)

    def tick(self) -> None:
        """See :class:`Sink`."""
        for output in self._outputs:
            output.tick()

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`Sink`."""
        for output in self._outputs:
            output.end(facts)


class JsonOutput:
    """Writes JSON lines.

    Args:
        files: Where; they stay the caller's.
        about: The run.
        is_sorted: Events come in series, whole ones between two ticks.
    """

    def __init__(self, files: TargetFiles, about: About, *, is_sorted: bool = False) -> None:
        from tracer_core.files.json.writer import JsonLines  # noqa: PLC0415 - only for those who want it

        self._lines = JsonLines(files, about, is_sorted=is_sorted)

    def write(self, batch: EventBatch) -> None:
        """See :class:`BatchOutput`."""
        self._lines.write(batch)

    def tick(self) -> None:
        """See :class:`BatchOutput`."""
        self._lines.flush()

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`BatchOutput`."""
        self._lines.end(facts)


class ArrowOutput:
    """Writes an Arrow stream of events that are columns already, many at a time, too.

    Args:
        files: Where; they stay the caller's.
        about: The run.
        contents: What the events may have.
        flush_after: Seconds that an event waits to be written, at most.
    """

    def __init__(self, files: Files, about: About, contents: Contents, *, flush_after: float = _FLUSH_AFTER) -> None:
        from tracer_core.files.arrow.writer import ROWS, ArrowEvents  # noqa: PLC0415 - pyarrow takes its time

        self._file = ArrowEvents(files, about, contents)
        self._rows = ROWS
        self._flush_after = flush_after
        self._waiting: list[EventBatch] = []
        self._since = 0.0

    def write(self, batch: EventBatch) -> None:
        """See :class:`BatchOutput`."""
        if not self._waiting:
            self._since = time.monotonic()
        self._waiting.append(batch)
        if sum(one.count for one in self._waiting) >= self._rows:
            self._flush()

    def tick(self) -> None:
        """See :class:`BatchOutput`."""
        if self._waiting and time.monotonic() - self._since >= self._flush_after:
            self._flush()

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`BatchOutput`."""
        self._flush()
        self._file.end(facts)

    def _flush(self) -> None:
        waiting, self._waiting = self._waiting, []
        self._file.write_together(waiting)


class ArrowSink:
    """Writes an Arrow stream: many records at a time, since each batch in the file costs about a millisecond.

    Args:
        prepared: The run.
        files: Where; they stay the caller's.
        about: The run.
        summary: Is shown what was decoded.
    """

    def __init__(self, prepared: Prepared, files: TargetFiles, about: About, summary: Summary | None = None) -> None:
        from tracer_core.files.arrow.writer import ROWS, ArrowEvents  # noqa: PLC0415 - pyarrow takes its time

        self._decoder = ColumnDecoder(prepared.plan, prepared.readers)
        self._summary = summary
        self._file = ArrowEvents(files, about, contents(prepared))
        self._rows = ROWS
        self._ready: list[EventBatch] = []  # before what waits, if there is what was reported
        self._waiting: list[Batch] = []
        self._pending = 0
        self._since = 0.0

    def take(self, batch: Batch) -> None:
        """See :class:`Sink`."""
        self._count(len(batch))
        self._waiting.append(batch)
        if self._pending >= self._rows:
            self._flush()

    def add(self, events: EventBatch) -> None:
        """See :class:`Sink`."""
        self._count(events.count)
        self._ready += [*self._decoded(), events]

    def tick(self) -> None:
        """See :class:`Sink`."""
        if self._pending and time.monotonic() - self._since >= _FLUSH_AFTER:
            self._flush()

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`Sink`."""
        self._flush()
        self._file.end(facts)

    def _count(self, more: int) -> None:
        if not self._pending:
            self._since = time.monotonic()
        self._pending += more

    def _flush(self) -> None:
        ready, self._ready, self._pending = self._ready, [], 0
        if ready:
            self._file.write_together([*ready, *self._decoded()])
            return
        for batch in self._decoded():
            self._file.write(batch)

    def _decoded(self) -> Iterator[EventBatch]:
        waiting, self._waiting = self._waiting, []
        for data, starts in pieces(waiting, self._rows):
            decoded = self._decoder.decode_records(data, starts)
            if self._summary is not None:
                self._summary.look(decoded)
            yield decoded


def about(prepared: Prepared) -> About:
    """What files say of a run."""
    plan = prepared.plan
    return about_run(
        prepared.command or sys.argv,
        list(map(probe_info, plan.probes)),
        {d.owner.name: f"{d.owner.distribution} {d.owner.version}".strip() for d in prepared.declarations},
        {layout.name: layout.version for layout in (*plan.layouts, *prepared.reported)},
    )


def contents(prepared: Prepared) -> Contents:
    """What the events of a run may have."""
    plan = prepared.plan
    return Contents(
        tuple(form_of(layout.cls) for layout in (*plan.layouts, *prepared.reported)),
        any(p.probe.kind.in_process for p in plan.probes),
    )
