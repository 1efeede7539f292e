"""The live backend: BCC compiles, libbpf loads and attaches, the ring is read through its mapping."""

from __future__ import annotations

import ctypes
import mmap
import os
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from tracer_core.backend import programs
from tracer_core.backend.barrier import wait_for_running_programs
from tracer_core.backend.base import Batch, Losses
from tracer_core.backend.cache import Cache, default_folder
from tracer_core.backend.code_cache import CachingCompiler
from tracer_core.backend.descriptors import make_room
from tracer_core.backend.loaded import Attachments, LoadedProgram
from tracer_core.backend.misses import Misses
from tracer_core.backend.ring import Ring
from tracer_core.compose.composition import ADDRESSES_MAP, ENABLED_MAP, EVENTS_MAP, LOST_MAP, UNSAID_MAP
from tracer_core.errors import RunError
from tracer_core.libbpf import library
from tracer_core.plan.following import Role
from tracer_core.plan.plan import Identity
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from tracer_core.backend.loaded import Link
    from tracer_core.compose.composition import Composition, Machine, ProgramSpec
    from tracer_core.plan.plan import Plan

_ENTRIES = {ProbeKind.FEXIT: ProbeKind.FENTRY, ProbeKind.KRETPROBE: ProbeKind.KPROBE}


class BccBackend:
    """Runs a composition on the running kernel.

    Args:
        machine: As given to the composer.
    """

    live = True

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._resources = ExitStack()
        self._loaded: list[LoadedProgram] = []
        self._misses = Misses()
        self._descriptors = 0
        self._links = self._resources.enter_context(closing(Attachments()))
        cache = self._resources.enter_context(Cache(default_folder()))
        self._compiler = self._resources.enter_context(CachingCompiler(cache))

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
        self._plan, self._composition, self._cpus = plan, composition, composition.cpus
        functions = [function for spec in composition.programs for function in spec.functions]
        compiled = self._compiler.compile(composition.text, functions)
        for fd in compiled.maps.values():
            self._resources.callback(os.close, fd)
        self._ring = Ring(compiled.maps[EVENTS_MAP], self._machine.ring_pages * mmap.PAGESIZE)
        self._resources.callback(self._ring.close)
        self._enabled = self._counters(compiled.maps[ENABLED_MAP], 1)
        self._lost = self._counters(compiled.maps[LOST_MAP], self._cpus * (len(plan.probes) + 1))
        unsaid = compiled.maps.get(UNSAID_MAP)
        self._unsaid = self._counters(unsaid, self._cpus) if unsaid is not None else ()
        self._compiled = compiled

    def load(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        for spec in self._composition.programs:
            # at the return first: a call whose entry is noted is waited for
            self._load(spec, spec.function, spec.kind)
            if spec.entry:
                self._load(spec, spec.entry, _ENTRIES[spec.kind])
        self._compiler.keep()

    def attach(self) -> int:
        """See :class:`~tracer_core.backend.base.Backend`."""
        for index, planned in enumerate(self._plan.probes):
            if planned.address:
                self._set(ADDRESSES_MAP, planned.address, index)
        # of trampolines at one place the last attached runs first: events are made before their packet is forgotten
        order = sorted(self._loaded, key=lambda program: not self._only_frees(program))
        self._misses = Misses((program, self._attach(program, self._from_start(program))) for program in order)
        return self._plan.attached - len(self._links.left_out)

    def extend(self, probes: Sequence[int]) -> tuple[int, ...]:
        """See :class:`~tracer_core.backend.base.Backend`."""
        attached: list[int] = []
        for program in self._loaded:
            if own := [index for index in probes if index in program.probes]:
                links = self._attach(program, own)
                self._misses.extend(program, links)
                attached += (index for link in links for index in link.probes)
        return tuple(attached)

    def enable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._misses.begin()
        self._enabled[0] = 1

    def disable(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        self._enabled[0] = 0
        wait_for_running_programs()
        self._misses.end()

    def detach(self) -> None:
        """See :class:`~tracer_core.backend.base.Backend`."""
        if self._misses.counting:  # with the links goes what they counted
            self.disable()
        self._links.close()

    def read(self) -> Batch:
        """See :class:`~tracer_core.backend.base.Backend`."""
        return self._ring.read()

    def losses(self) -> Losses:
        """See :class:`~tracer_core.backend.base.Backend`."""
        cpus = self._cpus
        lost = tuple(sum(self._lost[(i + 1) * cpus : (i + 2) * cpus]) for i in range(len(self._plan.probes)))
        unsaid = sum(self._unsaid[:cpus])
        return Losses(lost, self._misses.missed, self._misses.uncounted, unsaid)

    def _attach(self, program: LoadedProgram, probes: Sequence[int]) -> tuple[Link, ...]:
        if not program.multi:
            self._descriptors += 2 * len(probes)  # of an event, and of what links it with a program
            make_room(self._descriptors)
        return self._links.attach(program, probes, self._plan.probes)

    def _from_start(self, program: LoadedProgram) -> list[int]:
        return [index for index in program.probes if not self._plan.probes[index].spare]

    def _load(self, spec: ProgramSpec, function: str, kind: ProbeKind) -> None:
        """Load a function of the text: once for all its probes, or for each."""
        shared = spec.identity is not Identity.CONSTANT
        multi = self._composition.multi and kind.breaks
        code = programs.with_namespaces(self._compiled.code[function], self._plan.netns)
        for probes in (spec.probes,) if shared else ((index,) for index in spec.probes):
            first = self._plan.probes[probes[0]]
            own = code if shared else programs.with_probe_index(code, probes[0])
            fd = programs.load(first, kind, own, typed=spec.typed, multi=multi)
            self._resources.callback(os.close, fd)
            self._loaded.append(LoadedProgram(fd, kind, spec.typed, spec.identity, multi, probes))

    def _only_frees(self, program: LoadedProgram) -> bool:
        """Whether all that it does is to forget packets."""
        shape = self._plan.shapes[self._plan.probes[program.probes[0]].shape]
        return shape.is_helper and shape.role is not Role.MOVES

    def _set(self, name: str, key: int, value: int) -> None:
        """Put a 64-bit value for a 64-bit key into a map."""
        pair = (ctypes.c_uint64 * 2)(key, value)
        place = ctypes.addressof(pair)
        error: int = library().bpf_map_update_elem(self._compiled.maps[name], place, place + 8, 0)
        if error:
            raise RunError(f"cannot write to map {name}: {os.strerror(-error)}")

    def _counters(self, fd: int, count: int) -> memoryview:
        """Map an array of 64-bit values."""
        mapping = mmap.mmap(fd, -(-count * 8 // mmap.PAGESIZE) * mmap.PAGESIZE)
        view = memoryview(mapping).cast("Q")
        self._resources.callback(mapping.close)
        self._resources.callback(view.release)
        return view
