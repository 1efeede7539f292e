"""Run composed programs on made-up memory: ``BPF_PROG_TEST_RUN`` of raw tracepoint programs (Linux 5.10).

A structure and whatever it points to live in a map that user space has mapped; the program is called with its
kernel address. What it then reports is what it would report of a real structure with these bytes, so rules can be
tested on states that are hard to bring about, and offsets on memory whose every byte is known.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import struct
from contextlib import ExitStack
from typing import TYPE_CHECKING

from tracer_core.backend import programs
from tracer_core.backend.compiler import Compiler
from tracer_core.backend.ring import Ring
from tracer_core.compose.composition import ENABLED_MAP, EVENTS_MAP, Machine
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import RunError
from tracer_core.events.objects import events_of
from tracer_core.libbpf import TestRunOpts, library
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Self

    from tracer_core.backend.base import Batch
    from tracer_core.compose.composition import Composition
    from tracer_core.plan.plan import Plan
    from tracer_core.plugins.declaration import Declaration
    from tracer_core.sections import Event

MEMORY_SIZE = 16384
"""Bytes of made-up memory."""

_MEMORY = f"""
struct tracer_trial {{ u64 address; u8 memory[{MEMORY_SIZE}]; }};
BPF_F_TABLE("array", u32, struct tracer_trial, tracer_trial, 1, BPF_F_MMAPABLE);
int tracer_trial_address(u64 *args)
{{
	u32 key = 0;
	struct tracer_trial *trial = tracer_trial.lookup(&key);
	if (trial)
		trial->address = (u64)&trial->memory;
	return 0;
}}
"""


class Trial:
    """A composition loaded for trial runs. Programs must be untyped: the kernel runs no typed ones this way.

    Args:
        plan: That the composition was made from.
        composition: What to run.
        extra: More C: functions ``int name(u64 *args)`` for :meth:`call`; the map ``tracer_trial`` has the memory.
        functions: Their names.
    """

    def __init__(self, plan: Plan, composition: Composition, *, extra: str = "", functions: Sequence[str] = ()) -> None:
        self._plan = plan
        self._resources = ExitStack()
        # not those for tracking on functions: they cannot be run this way, and are not what is tried
        specs = [spec for spec in composition.programs if spec.kind is ProbeKind.RAW_TRACEPOINT]
        names = [*(spec.function for spec in specs), "tracer_trial_address", *functions]
        with Compiler() as compiler:
            compiled = compiler.compile(composition.text + _MEMORY + extra, names)
        for fd in compiled.maps.values():
            self._resources.callback(os.close, fd)
        ring_size = Machine(composition.cpus).ring_pages * mmap.PAGESIZE
        self._maps = compiled.maps
        self._ring = Ring(compiled.maps[EVENTS_MAP], ring_size)
        self._resources.callback(self._ring.close)
        self._trial = self._map(compiled.maps["tracer_trial"], MEMORY_SIZE + 8)
        self._map(compiled.maps[ENABLED_MAP], 8)[:8] = struct.pack("<Q", 1)
        self._programs = {name: self._load(compiled.code[name]) for name in names}
        self._function = {index: spec.function for spec in specs for index in spec.probes}
        self.call("tracer_trial_address")
        self.address: int = struct.unpack("<Q", self._trial[:8])[0]
        """Kernel address of the memory."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._resources.close()

    @property
    def memory(self) -> memoryview:
        """The made-up memory, writable."""
        return memoryview(self._trial)[8 : 8 + MEMORY_SIZE]

    def map(self, name: str, size: int) -> mmap.mmap:
        """A map of the composition that user space may have mapped, of that many bytes."""
        return self._map(self._maps[name], size)

    def call(self, function: str, *args: int) -> None:
        """Run one function with raw arguments.

        Raises:
            RunError: the kernel did not run it.
        """
        values = (ctypes.c_uint64 * 12)(*args)
        options = TestRunOpts(sz=ctypes.sizeof(TestRunOpts))
        options.ctx_in, options.ctx_size_in = ctypes.addressof(values), ctypes.sizeof(values)
        error = library().bpf_prog_test_run_opts(self._programs[function], ctypes.byref(options))
        if error:
            raise RunError(f"{function} was not run: {os.strerror(-error)}")

    def read(self) -> Batch:
        """What was written since the last call: events, and what programs say."""
        return self._ring.read()

    def events(self, declarations: Sequence[Declaration], *args: int, probe: int = 0) -> list[Event]:
        """Run a probe's program with raw arguments, and give the events that it wrote.

        Args:
            declarations: Of the plan's collectors.
            args: Of the tracepoint: addresses in :attr:`memory`, or numbers.
            probe: Index in the plan.
        """
        self.call(self._function[probe], *args)
        return events_of(ColumnDecoder(self._plan, declarations).decode(self.read()))

    def _load(self, code: bytes) -> int:
        fd = programs.load(
            self._plan.probes[0],
            ProbeKind.RAW_TRACEPOINT,
            programs.with_probe_index(programs.with_namespaces(code, self._plan.netns), 0),
            typed=False,
            multi=False,
        )
        self._resources.callback(os.close, fd)
        return fd

    def _map(self, fd: int, size: int) -> mmap.mmap:
        mapping = mmap.mmap(fd, -(-size // mmap.PAGESIZE) * mmap.PAGESIZE)
        self._resources.callback(mapping.close)
        return mapping
