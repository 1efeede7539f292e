"""Places without a packet that run for one (ADR 0024): where windows open and close, and who inherits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError, UsageError
from tracer_core.plan.following import OnStack, Role, Sight, StackPlace, Stacks
from tracer_core.plan.places import Place
from tracer_core.plan.tracking import TRACKED, Helper, sight_at
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.kernel.view import Kernel
    from tracer_core.plan.filtering import Asked
    from tracer_core.plan.plan import PlannedFragment, PlannedProbe
    from tracer_core.plan.request import Request
    from tracer_core.types import BpfSource, Probe

# A window ends the way it began: the frame of a call is not the same to kprobes and trampolines.
_RETURNS = {ProbeKind.KPROBE: ProbeKind.KRETPROBE, ProbeKind.FENTRY: ProbeKind.FEXIT}

# vmlinux.lds.h; before 6.10 they are named for the task. Some kernels' tables have no names for what ends.
_FIRST_STACK = (("__start_init_stack", "__end_init_stack"), ("__start_init_task", "__end_init_task"))
# THREAD_SIZE of x86_64 and aarch64 with pages of 4 KiB; sanitizers double it (asm/page_64_types.h, asm/memory.h)
_THREAD_SIZE = 16384
_SANITIZERS = ("CONFIG_KASAN", "CONFIG_KMSAN")
_WHO = "add a collector to -c that follows packets, or leave -c out; see: tracer plugins"


def with_returns(places: Iterable[Place]) -> list[Place]:
    """The places, those at the return of a window's function marked as its end, too.

    Raises:
        UsageError: a window is asked for where nothing returns.
    """
    found = list(places)
    for probe in (place.probe for place in found if place.probe.ftrace):
        if probe.kind is ProbeKind.RAW_TRACEPOINT or probe.kind.in_process:
            raise UsageError(f"probe {probe}: /ftrace is for functions of the kernel", hint="leave it out")
    ends = {(_RETURNS.get(place.probe.kind), place.probe.target) for place in found if place.probe.ftrace}
    return [
        replace(place, probe=replace(place.probe, ftrace=True))
        if (place.probe.kind, place.probe.target) in ends
        else place
        for place in found
    ]


def stacks_of(
    places: Iterable[Place], fragments: Iterable[PlannedFragment], request: Request, kernel: Kernel
) -> Stacks | None:
    """How stacks are known to run for a packet, if the user wants that.

    Raises:
        UsageError: no collector says which packet an event is of.
        MachineError: the kernel does not tell where stacks are.
    """
    opening = next((place.probe for place in places if place.probe.ftrace), None)
    if opening is None and not request.follow_stack:
        return None
    what = f"probe {opening}: /ftrace" if opening else "--follow-stack"
    if not any(TRACKED in planned.reads for planned in fragments):
        raise UsageError(f"{what}: nobody would tell which packet a function runs for", hint=_WHO)
    if stack_place(kernel) is None:
        raise MachineError(f"{what}: this kernel does not say where stacks are", hint="leave it out")
    return Stacks(opening is not None, request.follow_stack)


def asks_for_key(sources: Iterable[BpfSource]) -> bool:
    """Whether C of collectors keeps something by the stack that it runs on."""
    return any("tracer_stack_key(" in each.text for source in sources for each in source.all)


def stack_place(kernel: Kernel) -> StackPlace | None:
    """Where the stacks of tasks are, if the kernel tells."""
    stack = kernel.member("task_struct", "stack")
    return None if stack is None else StackPlace(stack.bit_offset // 8, thread_size(kernel))


def thread_size(kernel: Kernel) -> int:
    """Bytes of a task's kernel stack: as many as the first one has, if the kernel tells where that is."""
    for first, last in _FIRST_STACK:
        begin, end = kernel.symbol(first), kernel.symbol(last)
        if begin and end:
            return end - begin
    return _THREAD_SIZE << any(kernel.config(option) == "y" for option in _SANITIZERS)


def on_stack(probe: Probe, asked: Asked, *, has_packet: bool, filtered: bool) -> OnStack | None:
    """What the program at a place does about the packet that its stack runs for.

    Args:
        probe: The place.
        asked: What filters are asked there: where metadata are without a packet, they alone decide.
        has_packet: It has one of its own.
        filtered: There is a filter.
    """
    if probe.kind.in_process:
        return None
    if not has_packet and asked.condition is None:
        return OnStack(inherits=True, opens=probe.ftrace, gated=filtered)
    if not has_packet:
        return OnStack(inherits=False, opens=True) if probe.ftrace else None
    # at returns the packet is met at the entry
    is_met = probe.kind.returns or sight_at(probe) is Sight.FIRST
    return OnStack(inherits=False, opens=probe.ftrace) if probe.ftrace or is_met else None


def ends(probes: Iterable[PlannedProbe]) -> list[Helper]:
    """Places to attach to where windows close: the returns of functions, where only the entry is probed."""
    found = list(probes)
    there = {(planned.probe.kind, planned.probe.target) for planned in found}
    return [
        Helper(Place(replace(planned.probe, kind=kind, generic=False, stack=False), planned.prototype), Role.CLOSES)
        for planned in found
        if planned.probe.ftrace
        and (kind := _RETURNS.get(planned.probe.kind))
        and (kind, planned.probe.target) not in there
    ]
