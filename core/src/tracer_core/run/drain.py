"""Events from the ring to the sinks, in a thread of its own with raised priority (ADR 0017).

It looks at the ring every few milliseconds instead of being woken: waking costs whoever sends the packet a microsecond,
and batches are larger.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tracer_core.errors import TracerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType
    from typing import Self

    from tracer_core.backend.base import Backend, Batch
    from tracer_core.events.batch import EventBatch
    from tracer_core.run.sinks import Sink

log = logging.getLogger(__name__)

_POLL = 0.01  # seconds between looks at the ring
_BACKLOG = 1 << 20  # bytes; when a look finds more, the next one follows at once
_TICK = 0.1  # seconds
_QUIET = 2  # looks in a row that find nothing, when nothing new can come
_PRIORITY = -20
_PATIENCE = 1.0  # seconds


class Drain:
    """Takes all events of a run. When its block is left, the sinks are ended, whatever happened.

    Args:
        backend: Gives the events.
        sinks: Makes what takes them; called when they can already come, since it may import much.
        limit: Events to take; 0 for all.
        sift: Takes out of what was read what is no event, if there is such.
        reported: Gives events that sessions reported since it was asked last, if there are some. They do not count.
        facts: What there is to say at the end: for the sinks.
        ended: Called when no more will be taken.
    """

    def __init__(
        self,
        backend: Backend,
        sinks: Callable[[], Sequence[Sink]],
        *,
        limit: int,
        sift: Callable[[Batch], Batch] | None = None,
        reported: Callable[[], EventBatch | None] | None = None,
        facts: Callable[[], Mapping[str, Any]],
        ended: Callable[[], None],
    ) -> None:
        self._backend = backend
        self._make_sinks = sinks
        self._limit = limit
        self._sift = sift
        self._reported = reported
        self._facts = facts
        self._ended = ended
        self._sinks: Sequence[Sink] = ()
        self._finishing = threading.Event()
        self._error: BaseException | None = None
        # a daemon, since it may hang in writing to somebody who does not read
        self._thread = threading.Thread(target=self._work, name="drain", daemon=True)
        self.count = 0
        """Events taken so far."""
        self.reported = 0
        """Those of sessions, which are not among them."""
        self.is_done = True
        """No more are taken."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.finish()
        if not self.is_done:  # something else failed
            self._thread.join(_PATIENCE)
        if not self.is_done:
            return  # it hangs in a sink
        facts = self._facts()
        for sink in self._sinks:
            if error is None:
                sink.end(facts)
            else:
                with suppress(TracerError):  # what is already on its way says more
                    sink.end({**facts, "stopped": str(error) or type(error).__name__})

    def start(self) -> None:
        """Begin to take."""
        self.is_done = False
        self._thread.start()

    def finish(self) -> None:
        """Take what is left, then end. Nothing new can come any more."""
        self._finishing.set()

    def check(self) -> None:
        """Wait for the end.

        Raises:
            TracerError: taking events failed.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error

    @property
    def is_full(self) -> bool:
        """Whether as many were taken as shall be."""
        return 0 < self._limit <= self.count

    def _work(self) -> None:
        _raise_priority()
        try:
            self._sinks = self._make_sinks()
            self._take_all()
            if self._reported is not None:  # since the last look
                self._add_reported(self._reported())
        except BaseException as error:  # noqa: BLE001 - raised again by check()
            self._error = error
        finally:
            self.is_done = True
            self._ended()

    def _take_all(self) -> None:
        quiet, ticked = 0, time.monotonic()
        while quiet < _QUIET and not self.is_full:
            finishing = self._finishing.is_set()
            if self._reported is not None:
                self._add_reported(self._reported())
            batch = self._backend.read()
            if batch is None:
                return
            if batch:
                self._give(batch)
            quiet = quiet + 1 if finishing and not batch else 0
            now = time.monotonic()
            if now - ticked >= _TICK:
                ticked = now
                if self._reported is not None:  # the batch may have taken longer than what waits for answers waits
                    self._add_reported(self._reported())
                for sink in self._sinks:
                    sink.tick()
            if len(batch.data) < _BACKLOG and self._backend.live:
                time.sleep(_POLL)

    def _add_reported(self, events: EventBatch | None) -> None:
        if events is not None:
            self.reported += events.count
            for sink in self._sinks:
                sink.add(events)

    def _give(self, batch: Batch) -> None:
        if self._sift is not None:
            batch = self._sift(batch)
        if self._limit:
            batch = batch.first(self._limit - self.count)
        for sink in self._sinks if batch else ():
            sink.take(batch)
        self.count += len(batch)


def _raise_priority() -> None:
    """Of this thread alone: on Linux each has its own."""
    try:
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _PRIORITY)
    except OSError as error:
        log.debug("events are taken at ordinary priority: %s", error.strerror)
