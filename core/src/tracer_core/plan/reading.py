"""Who can learn something at a place: what is known there of what collectors ask for, and for whom that is enough."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.plan.places import MAX_ARGUMENTS
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tracer_core.plan.plan import PlannedFragment, PlannedGetter
    from tracer_core.types import Probe


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known at a place.

    Attributes:
        positions: Of the arguments, by C type.
        getters: To be called, in order.
        known: C types of both.
        anonymous: It is about no packet and no namespace.
    """

    positions: Mapping[str, int]
    getters: tuple[PlannedGetter, ...]
    known: frozenset[str]
    anonymous: bool


def reach(
    probe: Probe,
    positions: Mapping[str, int],
    getters: Iterable[PlannedGetter],
    fragments: Iterable[PlannedFragment],
) -> Reach:
    """What is known at a probe.

    Args:
        probe: Where.
        positions: Of the first argument of each C type that is asked for.
        getters: Of all collectors.
        fragments: Of all collectors.
    """
    is_anonymous = _is_anonymous(probe, fragments)
    if is_anonymous:
        positions = {}
    elif probe.kind.breaks:  # the others are on the stack
        positions = {c_type: at for c_type, at in positions.items() if at < MAX_ARGUMENTS}
    known = set(positions)
    used = []
    for planned in getters:
        getter = planned.getter
        if getter.gives not in known and _is_called_at(planned, probe) and known.issuperset(getter.needs):
            used.append(planned)
            known.add(getter.gives)
    return Reach(positions, tuple(used), frozenset(known), is_anonymous)


def runs_at(planned: PlannedFragment, probe: Probe, known: Collection[str]) -> bool:
    """Whether a fragment has what it needs at a probe, and wants to run there. Its gate is another matter."""
    fragment = planned.fragment
    return (
        _is_wanted_at(planned, probe)
        and all(c_type in known for c_type in fragment.needs)
        and (not fragment.any_of or any(c_type in known for c_type in fragment.any_of))
    )


def _is_anonymous(probe: Probe, fragments: Iterable[PlannedFragment]) -> bool:
    """Whether nobody there asks what it is about: in processes, and where all who look need no argument."""
    if probe.kind.in_process:
        return True
    return not probe.generic and not any(f.reads for f in fragments if _is_wanted_at(f, probe))


def _is_wanted_at(planned: PlannedFragment, probe: Probe) -> bool:
    places = planned.fragment.probes
    return any(_is_at(place, probe) for place in places) if places else probe.generic


def _is_called_at(planned: PlannedGetter, probe: Probe) -> bool:
    places = planned.getter.probes
    return any(_is_at(place, probe) for place in places) if places else not probe.kind.in_process


def _is_at(place: Probe, probe: Probe) -> bool:
    if probe.kind.in_process:
        return place.key == probe.key
    # of FUNCTION and RETURN the plan decided which way
    decided = place.kind in (ProbeKind.FUNCTION, ProbeKind.RETURN) and probe.kind is not ProbeKind.RAW_TRACEPOINT
    return place.target == probe.target and (
        place.kind.returns is probe.kind.returns if decided else place.kind is probe.kind
    )
