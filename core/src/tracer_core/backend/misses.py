"""Hits of probes for which the kernel did not run our programs, as it counts them itself.

It does so at two places, and a hit is counted at one of them only:

- ``recursion_misses`` of ``struct bpf_prog_info`` (5.12): the hit got as far as the program, which may not run within
  itself (``__bpf_prog_enter`` of kernel/bpf/trampoline.c, 5.12; ``__bpf_trace_run`` of kernel/trace/bpf_trace.c, 6.1),
  nor, at a kprobe, within any program of a kprobe or while a system call accesses a map on that CPU
  (``bpf_prog_active`` in ``trace_call_bpf`` and ``kprobe_multi_link_prog_run``, both counted from 6.7).
- ``missed`` of ``struct bpf_link_info`` (6.7): the hit did not get that far. Another kprobe was being handled on that
  CPU, or too many calls were waited for whose returns are probed (``nmissed`` of ``struct kprobe``, ``kretprobe``
  and ``fprobe``).

Kernels that do not count what tracepoints and trampolines miss have nothing to count: they let programs run within
themselves. Uprobes miss nothing either: ``bpf_prog_run_array_uprobe`` (6.0) does not look at ``bpf_prog_active``, and
before, what raised it could not be interrupted by a process, except on preemptible kernels from 5.11 to 5.19. Nobody
counts what ftrace itself keeps from kprobe-multi (``function_graph_enter_regs``, 6.14): functions called while it looks
after another one in the same context.
"""

from __future__ import annotations

import ctypes
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.backend.base import Missed
from tracer_core.backend.uapi import LinkType, PerfEventType
from tracer_core.errors import MachineError
from tracer_core.kernel.btf_types import Kind
from tracer_core.kernel.live import LiveKernel
from tracer_core.libbpf import LinkInfo, ProgInfo, library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tracer_core.backend.loaded import Link, LoadedProgram
    from tracer_core.kernel.btf import Btf


def of_program(fd: int) -> int | None:
    """Hits for which a program was not run; ``None`` if the kernel does not say."""
    info = ProgInfo()
    return in_program(info, _fill(fd, info))


def of_link(fd: int) -> int | None:
    """Hits that did not get from a link's probes to its program; ``None`` if the kernel does not say."""
    info = LinkInfo()
    return in_link(info, _fill(fd, info))


def in_program(info: ProgInfo, length: int) -> int | None:
    """The same from what the kernel wrote.

    Args:
        info: Where it wrote.
        length: How many bytes it knows.
    """
    return int(info.recursion_misses) if length >= ctypes.sizeof(ProgInfo) else None


def in_link(info: LinkInfo, length: int) -> int | None:
    """The same for a link, see :func:`in_program`. Length alone does not tell: see :func:`counts_kprobes`."""
    if info.type == LinkType.KPROBE_MULTI and length >= _end("kprobe_multi"):
        return int(info.kprobe_multi.missed)
    if (
        info.type == LinkType.PERF_EVENT
        and info.perf_event.type in tuple(PerfEventType)
        and length >= _end("perf_event")
    ):
        return int(info.perf_event.missed)
    return None


def kprobes_are_counted() -> bool:
    """Whether the running kernel counts everything that kprobes miss."""
    try:
        return counts_kprobes(LiveKernel().btf)
    except MachineError:
        return False


def counts_kprobes(btf: Btf) -> bool:
    """Whether a kernel counts everything that kprobes miss.

    That programs of kprobes count what they miss shows nowhere. It came in one series (6.7) with
    ``kprobe_multi.missed`` of ``struct bpf_link_info``; ``perf_event.kprobe.missed``, of the same series, is in
    stable kernels (6.6.59) without the rest.

    Args:
        btf: Of its vmlinux.
    """
    info = btf.find("bpf_link_info", Kind.STRUCT)
    if info is None:
        return False
    found = (member for member in btf.members(info) if member.name == "kprobe_multi")
    return any(inner.name == "missed" for member in found for inner in btf.members(btf.resolve(member.type_id)))


def _fill(fd: int, info: ProgInfo | LinkInfo) -> int:
    """Have the kernel tell of a program or a link; bytes that it knows, 0 if it does not tell."""
    length = ctypes.c_uint32(ctypes.sizeof(info))
    error: int = library().bpf_obj_get_info_by_fd(fd, ctypes.byref(info), ctypes.byref(length))
    return 0 if error else length.value


def _end(member: str) -> int:
    """Bytes of ``struct bpf_link_info`` to the end of what we know of a member."""
    place = getattr(LinkInfo, member)
    return int(place.offset + place.size)


@dataclass
class _Counter:
    """Where the kernel counts: a program or a link.

    Attributes:
        fd: Its descriptor.
        reader: Asks the kernel.
        returns: What is counted are returns, not entries.
        probes: Those whose hits it may have missed.
        before: What of the count is not ours.
        now: What was read last.
    """

    fd: int
    reader: Callable[[int], int | None]
    returns: bool
    probes: tuple[int, ...] = ()
    before: int = 0
    now: int = 0

    @property
    def is_kept(self) -> bool:
        """Whether the kernel keeps that count."""
        return self.reader(self.fd) is not None

    def begin(self) -> None:
        """Leave out what was counted since it was read last."""
        last = self.now
        self.read()
        self.before += self.now - last

    def read(self) -> None:
        """Ask the kernel."""
        self.now = self.reader(self.fd) or 0


class Misses:
    """What some attached programs missed while they were enabled.

    Reading takes a system call for each program and each link of kprobes; none of them accesses a map, which
    would itself make kprobes miss hits.

    Args:
        attached: Programs with their links.
        kprobes: Says whether the kernel counts what kprobes miss; asked if there are any.
    """

    def __init__(
        self,
        attached: Iterable[tuple[LoadedProgram, Sequence[Link]]] = (),
        kprobes: Callable[[], bool] = kprobes_are_counted,
    ) -> None:
        attached = list(attached)
        self.counting = False
        self._counts = any(program.kind.breaks for program, _ in attached) and kprobes()
        self._counters: dict[int, _Counter] = {}  # by descriptor
        self._uncounted: set[int] = set()
        for program, links in attached:
            self.extend(program, links)

    def begin(self) -> None:
        """Count from now on, after what was counted before."""
        if not self.counting:
            for counter in self._counters.values():
                counter.begin()
            self.counting = True

    def extend(self, program: LoadedProgram, links: Sequence[Link]) -> None:
        """Count what a program misses of probes that it was attached to, too, whether it is known already or not."""
        probes = {index for link in links for index in link.probes}
        if program.kind.breaks and not self._counts:
            self._uncounted |= probes
            return
        counters = [self._at(program.fd, of_program, program, probes)]
        if program.kind.breaks:
            for link in links:
                if link.fd is None:
                    self._uncounted.update(link.probes)
                else:
                    counters.append(self._at(link.fd, of_link, program, link.probes))
            self._uncounted.update(index for each in counters if not each.is_kept for index in each.probes)

    def end(self) -> None:
        """Take the final figures: what is missed from now on does not count, and programs may be detached."""
        if self.counting:
            self._read()
            self.counting = False

    @property
    def missed(self) -> tuple[Missed, ...]:
        """What was missed so far, by sets of probes; only sets that missed something.

        A call of which both the entry and the return had to be noticed may have been missed at one or at both.
        """
        if self.counting:
            self._read()
        entries: Counter[tuple[int, ...]] = Counter()
        returns: Counter[tuple[int, ...]] = Counter()
        for counter in self._counters.values():
            (returns if counter.returns else entries)[counter.probes] += counter.now - counter.before
        pairs = {probes: (entries[probes], returns[probes]) for probes in sorted({*entries, *returns})}
        return tuple(Missed(probes, max(pair), sum(pair)) for probes, pair in pairs.items() if any(pair))

    @property
    def uncounted(self) -> tuple[int, ...]:
        """Indices of probes that may have missed hits of which the kernel says nothing."""
        return tuple(sorted(self._uncounted))

    def _at(
        self, fd: int, reader: Callable[[int], int | None], program: LoadedProgram, probes: Iterable[int]
    ) -> _Counter:
        """The counter of a program or of a link of it, from now on for these probes, too."""
        counter = self._counters.get(fd)
        if counter is None:
            counter = self._counters[fd] = _Counter(fd, reader, program.kind.returns)
            if self.counting:
                counter.begin()
        counter.probes = tuple(sorted({*counter.probes, *probes}))
        return counter

    def _read(self) -> None:
        for counter in self._counters.values():
            counter.read()
