"""Events of a run for the program that started it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.files.arrow.pipe import Pipe, PipeFiles
from tracer_core.run.sinks import ArrowOutput

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents

_FLUSH_AFTER = 0.0  # seconds: at each tick


class StreamOutput:
    """Writes them to a pipe. What has no room there is dropped and counted: whoever takes events never waits for it.

    Args:
        pipe: To the program. It is closed at the end.
        about: The run.
        contents: What the events may have.
    """

    def __init__(self, pipe: Pipe, about: About, contents: Contents) -> None:
        self._pipe = pipe
        self._arrow = ArrowOutput(PipeFiles(pipe), about, contents, flush_after=_FLUSH_AFTER)

    def write(self, batch: EventBatch) -> None:
        """See :class:`~tracer_core.run.sinks.BatchOutput`."""
        if self._pipe.has_room:
            self._arrow.write(batch)
        else:
            self._pipe.dropped += batch.count

    def tick(self) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        self._arrow.tick()
        self._pipe.check()

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        try:
            self._arrow.end(facts)
        finally:
            self._pipe.finish()
