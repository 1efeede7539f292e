"""Functions that stacks of events show, and that are probed from then on: ``--probe-stack``."""

from __future__ import annotations

import logging
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.decode.watched import SectionDecoder
from tracer_core.sections import Stack
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tracer_core.backend.base import Backend, Batch
    from tracer_core.events.batch import EventBatch
    from tracer_core.kernel.view import Kernel
    from tracer_core.plan.plan import Plan

log = logging.getLogger(__name__)


class StackProbes:
    """Finds spare probes in stacks, in the thread that takes events, and attaches to them in the one that attached.

    Args:
        plan: Whose spare probes they are.
        kernel: Knows the names of addresses.
        found: Called when there is something to attach to.
    """

    def __init__(self, plan: Plan, kernel: Kernel, found: Callable[[], None]) -> None:
        self._plan = plan
        self._kernel = kernel
        self._tell = found
        self._decoder = SectionDecoder(plan, layout_of(Stack))
        self._spare = {planned.probe.target: at for at, planned in enumerate(plan.probes) if planned.spare}
        self._known = np.zeros(0, np.uint64)
        self._waiting: SimpleQueue[int] = SimpleQueue()
        self._added = 0

    def take(self, batch: Batch) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""
        decoded = self._decoder.decode(batch)
        if decoded is None:
            return
        frames = np.frombuffer(b"".join(decoded[0]["frames"]), "<u8")
        new = np.setdiff1d(frames, self._known)
        if not len(new):
            return
        self._known = np.union1d(self._known, new)
        shown = [self._spare.pop(name) for name in self._names(new.tolist()) if name in self._spare]
        for index in sorted(shown):
            self._waiting.put(index)
        if shown:
            self._tell()

    def add(self, events: EventBatch) -> None:
        """What is reported has no stack."""

    def tick(self) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`~tracer_core.run.sinks.Sink`."""

    def attach(self, backend: Backend) -> None:
        """Attach to what was found since the last time."""
        found = list(self._take_waiting())
        for index in backend.extend(found) if found else ():
            self._added += 1
            log.debug("Added probe to %s", self._plan.probes[index].probe.target)

    def tell(self) -> None:
        """Say how many were added."""
        log.info("%d probe(s) added: their functions were in stacks", self._added)

    def _take_waiting(self) -> Iterator[int]:
        while True:
            try:
                yield self._waiting.get_nowait()
            except Empty:
                return

    def _names(self, addresses: list[int]) -> Iterator[str]:
        for address in addresses:
            if found := self._kernel.symbol_at(address):
                yield found[0]
