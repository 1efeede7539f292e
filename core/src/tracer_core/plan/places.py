"""Where a probe is on this kernel: the places it stands for, how each is attached and what it is passed, or why not."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError, UsageError, did_you_mean
from tracer_core.kernel.view import Prototype
from tracer_core.types import Probe, ProbeKind

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.request import Abilities, Userspace
    from tracer_core.userspace.live import UserPlace

MAX_ARGUMENTS = 6
"""Arguments in registers, by the calling convention of x86_64; trampolines of 5.5 and later take as many."""

TRAMPOLINES = (ProbeKind.FENTRY, ProbeKind.FEXIT)

MOUNT = "mount it: mount -t tracefs tracefs /sys/kernel/tracing"
"""What to do about a tracefs that cannot be read."""

_SUGGESTED = 3
"""So many names are given for one that there is not."""

_NOTHING = Prototype((), "void", "", 0)
_LIST_TRACEPOINTS = "list them with: tracer inspect -p 'tp:*'"
_LIST_FUNCTIONS = "list them with: tracer inspect -p 'kprobe:*'"
_NO_TYPES = "choose another; functions of modules and what compilers derive from functions often have none"


@dataclass(frozen=True, slots=True)
class Place:
    """One place to attach to.

    Attributes:
        probe: Its name, and the way to attach that was decided.
        prototype: What is passed there; nothing in processes, where types are not known.
        user: Where it is, if it is in a process.
        spare: It is attached to when a stack shows that a packet passes it.
        left_open: Whoever asked for it left open how it is attached.
    """

    probe: Probe
    prototype: Prototype
    user: UserPlace | None = None
    spare: bool = False
    left_open: bool = False

    @property
    def key(self) -> Hashable:
        """Places with one key are one place."""
        return self.probe.key, self.user


def locate(
    probe: Probe, abilities: Abilities, kernel: TypedKernel, userspace: Userspace | None = None
) -> Iterator[Place]:
    """Find the places that a probe stands for: one, or those that its pattern matches, sorted by name.

    In a process, those where it was compiled in. Gives none if it is optional and the kernel has no such place. What a
    pattern matches by chance is optional.

    Raises:
        UsageError: there is no such place.
        MachineError: this kernel cannot attach there, or there is no such place in a process.
    """
    if probe.kind.in_process:
        yield from _in_process(probe, userspace)
        return
    names = _matching(probe, kernel) if probe.is_pattern else (probe.target,)
    found = 0
    for name in names:
        one = replace(probe, target=name, optional=probe.optional or probe.is_pattern)
        place = _locate(one, abilities, kernel, many=probe.is_pattern)
        if place:
            found += 1
            yield place
    if not found and not probe.optional:
        raise UsageError(f"probe {probe}: this kernel has no {_what(probe)} that matches", hint=_where_listed(probe))


def locate_functions(names: Iterable[str], abilities: Abilities, kernel: TypedKernel) -> Iterator[Place]:
    """Entries of functions, each in the way that is cheapest for many; those that cannot be probed are left out.

    Raises:
        MachineError: this kernel can probe none.
    """
    for name in names:
        place = _locate(Probe.function(name, optional=True), abilities, kernel, many=True)
        if place:
            yield place


def _in_process(probe: Probe, userspace: Userspace | None) -> Iterator[Place]:
    if userspace is None:
        raise MachineError(f"probe {probe}: a recorded kernel has no processes", hint="leave out --kernel")
    try:
        found = userspace.places(probe)
    except MachineError as error:
        raise MachineError(f"probe {probe}: {error.message}", hint=error.hint) from error
    yield from (Place(probe, _NOTHING, user) for user in found)


def _locate(probe: Probe, abilities: Abilities, kernel: TypedKernel, *, many: bool) -> Place | None:
    if not is_known(probe, kernel):
        if probe.optional:
            return None
        raise unknown(probe, kernel)
    is_tracepoint = probe.kind is ProbeKind.RAW_TRACEPOINT
    prototype = kernel.tracepoint(_bare(probe)) if is_tracepoint else kernel.function(probe.target)
    if prototype is None:
        if probe.optional:
            return None
        raise UsageError(f"probe {probe}: not supported: the kernel has no type information of it", hint=_NO_TYPES)
    left_open = probe.kind in (ProbeKind.FUNCTION, ProbeKind.RETURN)
    if left_open:
        probe = replace(probe, kind=_cheapest(probe, prototype, abilities, kernel, many=many))
    if probe.kind in TRAMPOLINES and not fits_trampoline(prototype):
        if many:
            return None
        raise MachineError(
            f"probe {probe}: {probe.kind.value} cannot be used, the function has more than {MAX_ARGUMENTS} arguments",
            hint=f"use a {'kretprobe' if probe.kind.returns else 'kprobe'}",
        )
    return Place(probe, prototype, left_open=left_open)


def _matching(probe: Probe, kernel: TypedKernel) -> list[str]:
    names = kernel.events if probe.kind is ProbeKind.RAW_TRACEPOINT else kernel.functions
    if names is None:
        raise MachineError(f"probe {probe}: '*' needs tracefs, which cannot be read", hint=MOUNT)
    return sorted(filter(pattern(probe.target), names))


def pattern(target: str) -> Callable[[str], object]:
    """What tells whether a name is meant, where ``*`` stands for any characters."""
    return re.compile(target.replace("*", ".*")).fullmatch


def is_known(probe: Probe, kernel: TypedKernel) -> bool:
    """Whether the kernel has that place and lets it be traced, as far as it tells."""
    if probe.kind is ProbeKind.RAW_TRACEPOINT:
        return kernel.tracepoint(_bare(probe)) is not None if kernel.events is None else probe.target in kernel.events
    return kernel.symbol(probe.target) is not None if kernel.functions is None else probe.target in kernel.functions


def _bare(probe: Probe) -> str:
    return probe.target.partition(":")[2]


def _cheapest(
    probe: Probe, prototype: Prototype, abilities: Abilities, kernel: TypedKernel, *, many: bool
) -> ProbeKind:
    ways = abilities.returns if probe.kind.returns else abilities.entries
    possible = [kind for kind in ways if kind not in TRAMPOLINES or fits_trampoline(prototype)]
    if not possible:
        tried = "fexit nor kretprobes" if probe.kind.returns else "fentry nor kprobes"
        raise MachineError(
            f"probe {probe.target}: this kernel offers neither {tried} for it",
            hint=f"give {_tracepoint_like(probe.target, kernel)}; see: tracer doctor",
        )
    # each trampoline costs a program and a patch of the kernel's code: for many functions, kprobes are cheaper
    return next((kind for kind in possible if kind.breaks), possible[0]) if many else possible[0]


def _tracepoint_like(function: str, kernel: TypedKernel) -> str:
    """What to give for a function: the tracepoint of its name, if there is one, with its group, if tracefs tells it."""
    if kernel.tracepoint(function) is None:
        return "a tracepoint, tp:GROUP:NAME"
    found = sorted(f"tp:{event}" for event in kernel.events or () if event.endswith(f":{function}"))
    return f"the tracepoint of that name, {' or '.join(found) or f'tp:GROUP:{function}'}"


def fits_trampoline(prototype: Prototype) -> bool:
    """Whether all arguments of a function are where trampolines find them."""
    return len(prototype.params) <= MAX_ARGUMENTS


def _what(probe: Probe) -> str:
    return "tracepoint" if probe.kind is ProbeKind.RAW_TRACEPOINT else "traceable function"


def _where_listed(probe: Probe) -> str:
    return _LIST_TRACEPOINTS if probe.kind is ProbeKind.RAW_TRACEPOINT else _LIST_FUNCTIONS


def unknown(probe: Probe, kernel: TypedKernel) -> UsageError:
    """The error for a place that the kernel does not have, with near matches."""
    hint = did_you_mean(near(probe, kernel)) or _where_listed(probe)
    return UsageError(f"probe {probe}: this kernel has no such {_what(probe)}", hint=hint)


def near(probe: Probe, kernel: TypedKernel, beginning: str = "") -> list[str]:
    """Places of this kernel whose names look most like that of one that it does not have, the likeliest first.

    Args:
        probe: The one that there is not; no pattern.
        kernel: What is probed.
        beginning: What functions must begin with. To compare all names takes a quarter of a second.
    """
    if probe.kind is ProbeKind.RAW_TRACEPOINT:
        return _near_tracepoints(probe.target, kernel)
    if kernel.functions:
        return _near(probe.target, (name for name in kernel.functions if name.startswith(beginning)))
    found = _near(probe.target, _names(beginning or probe.target[:3], kernel), 4 * _SUGGESTED)
    return [name for name in found if kernel.function(name) is not None][:_SUGGESTED]


def _near_tracepoints(target: str, kernel: TypedKernel) -> list[str]:
    group, _, name = target.partition(":")
    events = kernel.events
    if events is None:  # only tracefs knows groups
        return [f"tp:{group}:{candidate}" for candidate in _near(name, kernel.tracepoint_names())]
    found = _near(target, events) or sorted(event for event in events if event.endswith(f":{name}"))
    return [f"tp:{event}" for event in found]


def _names(prefix: str, kernel: TypedKernel) -> Iterable[str]:
    """What types, members and functions are called."""
    return (prefix + rest for rest in kernel.btf.names(prefix))


def _near(name: str, candidates: Iterable[str], count: int = _SUGGESTED) -> list[str]:
    import difflib  # noqa: PLC0415 - only when something is wrong

    return difflib.get_close_matches(name, sorted(candidates), n=count, cutoff=0.7)
