"""Where the events of a run go: each sink takes batches as they come out of the ring."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any, Protocol

from tracer_core.decode.decoder import EventDecoder, probe_info
from tracer_core.files.about import about_run

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.files.about import About
    from tracer_core.files.target import Target
    from tracer_core.run.prepare import Prepared
    from tracer_core.sections import Event

_FLUSH_AFTER = 1.0  # seconds that an event waits to be written, at most


class Sink(Protocol):
    """Takes the events of a run."""

    def take(self, batch: Batch) -> None:
        """Take a batch, never an empty one."""

    def tick(self) -> None:
        """Some time has passed, a fraction of a second, whether events come or not."""

    def end(self, facts: Mapping[str, Any]) -> None:
        """There will be no more.

        Args:
            facts: What is only known now, as JSON can hold it; see :meth:`~tracer_core.run.losses.LossReport.facts`.
        """


class EventOutput(Protocol):
    """Takes the events of a run as objects."""

    def write(self, events: list[Event]) -> None:
        """Take some, in order."""

    def tick(self) -> None:
        """See :class:`Sink`."""

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`Sink`."""


class EventSink:
    """Makes objects of the events of a batch, once for all who want them.

    Args:
        prepared: The run.
        outputs: Take them, in this order.
    """

    def __init__(self, prepared: Prepared, outputs: Sequence[EventOutput]) -> None:
        self._decoder = EventDecoder(prepared.plan, prepared.readers)
        self._outputs = outputs

    def take(self, batch: Batch) -> None:
        """See :class:`Sink`."""
        events = self._decoder.decode(batch)
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
        prepared: The run.
        target: The file; it stays the caller's.
    """

    def __init__(self, prepared: Prepared, target: Target) -> None:
        from tracer_core.files.json_lines import JsonLines  # noqa: PLC0415 - only for those who want it

        self._lines = JsonLines(target, _about(prepared))

    def write(self, events: list[Event]) -> None:
        """See :class:`EventOutput`."""
        self._lines.write(events)

    def tick(self) -> None:
        """See :class:`EventOutput`."""

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`EventOutput`."""
        if facts:
            self._lines.end(facts)


class ArrowSink:
    """Writes an Arrow stream.

    Args:
        prepared: The run.
        target: The file; it stays the caller's.
    """

    def __init__(self, prepared: Prepared, target: Target) -> None:
        from tracer_core.files.arrow import ROWS, ArrowEvents  # noqa: PLC0415 - pyarrow takes its time

        self._file = ArrowEvents(target, _about(prepared), prepared.plan, prepared.readers)
        self._enough = ROWS
        self._since = 0.0

    def take(self, batch: Batch) -> None:
        """See :class:`Sink`."""
        if not self._file.pending:
            self._since = time.monotonic()
        self._file.add(batch)
        if self._file.pending >= self._enough:
            self._file.flush()

    def tick(self) -> None:
        """See :class:`Sink`."""
        if self._file.pending and time.monotonic() - self._since >= _FLUSH_AFTER:
            self._file.flush()

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`Sink`."""
        self._file.end(facts)


def _about(prepared: Prepared) -> About:
    return about_run(
        sys.argv,
        [probe_info(probe) for probe in prepared.plan.probes],
        {d.owner.name: f"{d.owner.distribution} {d.owner.version}".strip() for d in prepared.declarations},
        {section.layout.name: section.layout.version for section in prepared.plan.sections},
    )
