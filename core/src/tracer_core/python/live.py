"""Runs: events while they come, from a process apart."""

from __future__ import annotations

import logging
import shlex
import weakref
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from tracer_core.errors import UsageError
from tracer_core.files.arrow.pipe import EventStream
from tracer_core.python.arriving import Arriving
from tracer_core.python.child import Child
from tracer_core.python.columns import Columns
from tracer_core.python.html import table
from tracer_core.python.known import known
from tracer_core.python.options import command_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.tables import RecordBatchReader
    from tracer_core.python.series import EventSeries

log = logging.getLogger(__name__)


class Run(Columns, Arriving):
    """A run of ``tracer collect``; see :func:`collect`, which makes it. Events can come already.

    It gives its events as they come, and ends when the run does. Leaving its ``with`` block stops it, and so does
    whatever else ends it: an exception, ^C, that nobody has it any more, the end of the program, even if that is
    killed. One thread at a time may take events; any may stop it.
    """

    def __init__(self, arguments: tuple[str, ...], options: Mapping[str, Any], queue: str) -> None:
        super().__init__()
        command = command_line(arguments, options)
        known()  # what it takes to read events is there before they come
        self._child = Child(command, queue)
        self._finalizer = weakref.finalize(self, self._child.abandon)
        self._stream = EventStream(self._child.fd, known().installed.sections())
        self._told = 0
        try:
            if not self._stream.begin():
                self._end()
                raise UsageError("the run ended before it began", hint="were events asked for?")
        except BaseException:
            self._finalizer()
            raise
        self.about: About = replace(self._stream.about, command=shlex.join(("tracer", *command)))
        """The run: its command line, probes and machine."""
        self._tell()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        try:
            self.close()
        except Exception:
            if error is None:
                raise
            log.debug("the run has failed, too", exc_info=True)

    def journeys(self) -> Iterator[EventSeries]:
        """The journeys of packets, each when it has ended, of a run with ``sort=True``.

        Raises:
            UsageError: the run has not.
        """
        if not self._stream.contents.is_sorted:
            raise UsageError("the events of the run are not sorted", hint="collect them with sort=True")
        return self._journeys()

    def arrow(self) -> RecordBatchReader:
        """See :class:`~tracer_core.python.columns.Columns`. It gives batches as they come, ten a second."""
        from tracer_core.files.tables import stream_of  # noqa: PLC0415 - only for those who want it

        return stream_of(self._batches(), self._stream.contents, self.about)

    def stop(self) -> None:
        """Ask for the end of the run: the events that it has recorded still come, and then the iteration ends."""
        self._child.stop()

    def close(self) -> None:
        """Stop the run, and wait until nothing is left attached. Events that were not taken are gone.

        Raises:
            TracerError: the run has failed.
        """
        if not self.is_done:
            self._child.stop()
            try:
                self._stream.skip(self._child.wait_for_more)
            finally:
                self._end()

    @property
    def is_done(self) -> bool:
        """Whether the run has ended and all of its events were taken, or left."""
        return not self._finalizer.alive

    @property
    def dropped(self) -> int:
        """Events that were dropped so far because they were not taken in time. They are not in ``end``."""
        return self._stream.dropped

    @property
    def end(self) -> Mapping[str, Any]:
        """What was only known at the end of the run, as in files: events that the kernel's side lost, for example."""
        return self._stream.end

    @property
    def messages(self) -> list[str]:
        """What ``tracer collect`` has said so far: lines of its stderr."""
        return self._child.messages

    @property
    def pid(self) -> int:
        """The process of the run."""
        return self._child.process.pid

    def __repr__(self) -> str:
        return f"<Run {'ended' if self.is_done else 'going on'}: {self.about.command}>"

    def _repr_html_(self) -> str:
        about = self.about
        return table(
            {
                "run": "has ended" if self.is_done else "goes on",
                "command": about.command,
                "probes": ", ".join(probe.symbol for probe in about.probes),
                "dropped": self.dropped,
                **dict(self.end),
            }
        )

    def _wait(self) -> bool:
        is_more = not self.is_done and self._stream.wait()
        if not is_more and not self.is_done:
            self._end()
        return is_more

    def _read(self) -> EventBatch | None:
        return self._stream.read()

    def _end(self) -> None:
        """The process has nothing more to say.

        Raises:
            TracerError: it has failed.
        """
        self._child.close()
        self._finalizer.detach()
        self._tell()
        failure = self._child.failure()
        if failure is not None:
            raise failure

    def _tell(self) -> None:
        """Pass on warnings that are new."""
        warnings = self._child.warnings
        for warning in warnings[self._told :]:
            log.warning("%s", warning)
        self._told = len(warnings)


def collect(*arguments: str, queue: str = "64M", **options: Any) -> Run:  # noqa: ANN401 - any option's value
    """Trace packets, and give their events as they come. What can be asked for is what ``tracer collect`` takes.

    Args:
        arguments: As on the command line: ``"-c", "skb", "-p", "tp:net:netif_rx"``.
        queue: Room for events that wait to be taken, in bytes: a number with K, M or G. What has no room is dropped,
            and counted as ``dropped``; the run never waits for its reader.
        options: The same by name, with ``_`` for ``-``: ``collectors="skb", probe=["tp:net:netif_rx"], stop_after=10``.

    Returns:
        The run, when all probes are attached. Use it in a ``with`` block.

    Raises:
        UsageError: there is no such option, or what it asks for cannot be.
        PluginError: a collector is missing or broken.
        MachineError: the machine lacks something: privileges, for example.
        RunError: anything else that ``tracer collect`` would end with.
        TypeError: a value is none that a command line can hold.
    """
    return Run(arguments, options, queue)
