"""Where a probe is on this kernel: how it is attached and what it is passed, or why not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError, UsageError
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.kernel.view import Kernel, Prototype
    from tracer_core.plan.request import Request
    from tracer_core.types import Probe

MAX_ARGUMENTS = 6
"""Arguments in registers, by the calling convention of x86_64; trampolines of 5.5 and later take as many."""


_LIST_TRACEPOINTS = "list them with: ls /sys/kernel/tracing/events/net"
_LIST_FUNCTIONS = "see: /sys/kernel/tracing/available_filter_functions"


def locate(probe: Probe, request: Request, kernel: Kernel) -> tuple[Probe, Prototype] | None:
    """Find a probe on a kernel.

    Returns:
        The probe with the way to attach it decided, and what is passed there; nothing if it is optional and not there.

    Raises:
        UsageError: there is no such place.
        MachineError: this kernel cannot attach there.
    """
    prototype = _prototype(probe, kernel)
    if prototype is None:
        if probe.optional:
            return None
        raise _unknown(probe, kernel)
    if probe.kind is ProbeKind.FUNCTION:
        probe = replace(probe, kind=_cheapest(probe, prototype, request.functions))
    if probe.kind is ProbeKind.FENTRY and not _fits_trampoline(prototype):
        where = f"in module {prototype.module}" if prototype.module else f"has more than {MAX_ARGUMENTS} arguments"
        raise MachineError(f"probe {probe}: fentry cannot be used, the function {where}", hint="use a kprobe")
    return probe, prototype


def _prototype(probe: Probe, kernel: Kernel) -> Prototype | None:
    if probe.kind is ProbeKind.RAW_TRACEPOINT:
        known = kernel.events is None or probe.target in kernel.events
        return kernel.tracepoint(probe.target.partition(":")[2]) if known else None
    known = kernel.functions is None or probe.target in kernel.functions
    return kernel.function(probe.target) if known else None


def _cheapest(probe: Probe, prototype: Prototype, ways: Iterable[ProbeKind]) -> ProbeKind:
    for kind in ways:
        if kind is not ProbeKind.FENTRY or _fits_trampoline(prototype):
            return kind
    raise MachineError(
        f"probe {probe.target}: this kernel offers neither fentry nor kprobes for it",
        hint="give a tracepoint, tp:GROUP:NAME; see: tracer doctor",
    )


def _fits_trampoline(prototype: Prototype) -> bool:
    # a program for a function of a module would need the module's BTF object
    return not prototype.module and len(prototype.params) <= MAX_ARGUMENTS


def _unknown(probe: Probe, kernel: Kernel) -> UsageError:
    """The error for a place that the kernel does not have, with near matches."""
    if probe.kind is ProbeKind.RAW_TRACEPOINT:
        what, near, otherwise = "tracepoint", _near_tracepoints(probe.target, kernel), _LIST_TRACEPOINTS
    else:
        candidates = kernel.functions or _names(probe.target[:3], kernel)
        what, near, otherwise = "traceable function", _near(probe.target, candidates), _LIST_FUNCTIONS
    hint = f"did you mean {' or '.join(near)}?" if near else otherwise
    return UsageError(f"probe {probe}: this kernel has no such {what}", hint=hint)


def _near_tracepoints(target: str, kernel: Kernel) -> list[str]:
    group, _, name = target.partition(":")
    events = kernel.events
    if events is None:  # only tracefs knows groups
        return [f"tp:{group}:{candidate}" for candidate in _near(name, kernel.tracepoint_names())]
    found = _near(target, events) or sorted(event for event in events if event.endswith(f":{name}"))
    return [f"tp:{event}" for event in found]


def _names(prefix: str, kernel: Kernel) -> Iterable[str]:
    return (prefix + rest for rest in kernel.btf.names(prefix))


def _near(name: str, candidates: Iterable[str]) -> list[str]:
    import difflib  # noqa: PLC0415 - only when something is wrong

    return difflib.get_close_matches(name, sorted(candidates), n=3, cutoff=0.7)
