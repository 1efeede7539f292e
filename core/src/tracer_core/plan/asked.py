"""All places of a run: those that somebody named, those with a packet if all are wanted, those that stacks may name."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError
from tracer_core.plan.agree import agreed
from tracer_core.plan.places import MAX_ARGUMENTS, Place, locate, locate_functions
from tracer_core.plan.tracking import PACKET

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Iterable, Iterator

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.request import Abilities, Request
    from tracer_core.types import Probe

_HINT = "name tracepoints with -p; see: tracer doctor"


def asked_places(
    probes: Iterable[Probe], request: Request, kernel: TypedKernel
) -> tuple[Collection[Place], Collection[str]]:
    """Every place once, whoever asked for it; what anybody wants of it, it has.

    Args:
        probes: Of collectors; the user's are in the request.
        request: The user's part.
        kernel: What is probed.

    Returns:
        The places, and why optional ones are not there.

    Raises:
        UsageError: there is no such place.
        MachineError: this kernel cannot attach there.
    """
    asked: list[Place] = []
    missing: dict[str, None] = {}
    for probe in (*request.probes, *probes):
        try:
            asked += locate(probe, request.abilities, kernel, request.userspace)
        except MachineError as error:
            if not probe.optional:
                raise
            missing[error.message] = None
    if request.all_skb:
        if not request.abilities.entries:
            raise MachineError("--all-skb: this kernel offers neither fentry nor kprobes", hint=_HINT)
        asked += _with_packets(request.abilities, kernel)
    if request.stack:
        asked = list(map(_with_stack, asked))
    if request.probe_stack:
        if not any(kind.breaks for kind in request.abilities.entries):
            raise MachineError("--probe-stack: this kernel has no kprobes", hint=_HINT)
        # all are attached from the start if that is asked for, too
        spare = () if request.all_skb else _with_packets(request.abilities, kernel)
        asked += (replace(place, spare=True) for place in spare)
    return _merged(agreed(asked, request.abilities)), missing


def _merged(places: Iterable[Place]) -> Collection[Place]:
    found: dict[Hashable, Place] = {}
    for place in places:
        _add(found, place)
    return found.values()


def _add(found: dict[Hashable, Place], place: Place) -> None:
    probe = place.probe
    known = found.get(place.key, place)
    other = known.probe
    merged = replace(
        probe,
        generic=probe.generic or other.generic,
        optional=probe.optional and other.optional,
        stack=probe.stack or other.stack,
        ftrace=probe.ftrace or other.ftrace,
    )
    found[place.key] = replace(place, probe=merged, spare=place.spare and known.spare)


def _with_stack(place: Place) -> Place:
    """The place with the calls that led there; in a process, those of the kernel tell nothing."""
    return place if place.user is not None else replace(place, probe=replace(place.probe, stack=True))


def _with_packets(abilities: Abilities, kernel: TypedKernel) -> Iterator[Place]:
    """Every function that takes a packet in a register, by name."""
    taking = kernel.functions_taking((PACKET,))
    yield from locate_functions(
        sorted(name for name, at in taking.items() if at[PACKET] < MAX_ARGUMENTS), abilities, kernel
    )
