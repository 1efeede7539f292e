"""The live backend: BCC compiles, libbpf loads and attaches, the ring is read through its mapping."""

from __future__ import annotations

import mmap
import os
import select
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tracer_core.backend import programs
from tracer_core.backend.base import Batch, Losses
from tracer_core.backend.compiler import Compiler
from tracer_core.backend.ring import Ring
from tracer_core.compose.composition import ENABLED_MAP, EVENTS_MAP, LOST_MAP

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from tracer_core.compose.composition import Composition, Machine
    from tracer_core.plan.plan import Plan


class BccBackend:
    """Runs a composition on the running kernel.

    Args:
        machine: As given to the composer.
    """

    live = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._resources = ExitStack()
        self._loaded: list[tuple[int, bool, int]] = []  # probe, typed, program descriptor
        self._links = self._resources.enter_context(ExitStack())
        self._compiler = self._resources.enter_context(Compiler())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
        /,
    ) -> None:
        self._resources.close()

    def compile(self, plan: Plan, composition: Composition) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._plan, self._cpus = plan, composition.cpus
        compiled = self._compiler.compile(composition.text, [spec.function for spec in composition.programs])
        for fd in compiled.maps.values():
            self._resources.callback(os.close, fd)
        self._ring_fd = compiled.maps[EVENTS_MAP]
        self._ring = Ring(self._ring_fd, self._machine.ring_pages * mmap.PAGESIZE)
        self._resources.callback(self._ring.close)
        self._enabled = self._counters(compiled.maps[ENABLED_MAP], 1)
        self._lost = self._counters(compiled.maps[LOST_MAP], self._cpus * (len(plan.probes) + 1))
        self._code = [(spec, compiled.code[spec.function]) for spec in composition.programs]

    def load(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        for spec, code in self._code:
            for index in spec.probes:
                fd = programs.load(self._plan.probes[index], programs.with_probe_index(code, index), typed=spec.typed)
                self._resources.callback(os.close, fd)
                self._loaded.append((index, spec.typed, fd))

    def attach(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        for index, typed, program in self._loaded:
            self._links.enter_context(programs.attached(self._plan.probes[index], program, typed=typed))

    def enable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._enabled[0] = 1

    def disable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._enabled[0] = 0

    def detach(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._links.close()

    def read(self, timeout: float) -> Batch:
        """See :class:`~tracer_core.backend.base.Backend`."""
        batch = self._ring.read()
        if not batch.offsets and timeout:
            select.select([self._ring_fd], [], [], timeout)
            batch = self._ring.read()
        return batch

    def losses(self) -> Losses:
        """See :class:`~tracer_core.backend.base.Backend`."""
        cpus = self._cpus
        return Losses(tuple(sum(self._lost[(i + 1) * cpus : (i + 2) * cpus]) for i in range(len(self._plan.probes))))

    def _counters(self, fd: int, count: int) -> memoryview:
        """Map an array of 64-bit values."""
        mapping = mmap.mmap(fd, -(-count * 8 // mmap.PAGESIZE) * mmap.PAGESIZE)
        view = memoryview(mapping).cast("Q")
        self._resources.callback(mapping.close)
        self._resources.callback(view.release)
        return view
