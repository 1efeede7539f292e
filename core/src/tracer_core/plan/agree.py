"""A function that several ask for is probed once, if any of them leaves open how."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.plan.places import Place
    from tracer_core.plan.request import Abilities
    from tracer_core.types import ProbeKind


def agreed(places: Iterable[Place], abilities: Abilities) -> list[Place]:
    """Have places that leave open how they are probed be of the kind in which others probe the same function.

    Otherwise there were two programs there, and two events for each call: of ``kprobe:f``, and of ``f``, which is
    cheaper as fentry. If all leave it open, what was decided for the first holds: one function alone and one of many
    are probed in different ways. A kind that somebody names and this kernel lacks is taken by nobody else.

    Args:
        places: As they were asked for, the user's first.
        abilities: Of the kernel.
    """
    asked = list(places)
    kinds: dict[tuple[str, bool], ProbeKind] = {}
    unsettled = {_end_of_function(place) for place in asked if place.left_open}
    for place in sorted(asked, key=lambda place: place.left_open):  # what is named comes first
        end = _end_of_function(place)
        if end not in unsettled:
            continue
        kind = place.probe.kind
        if kind in (abilities.returns if kind.returns else abilities.entries):
            kinds.setdefault(end, kind)
    return [_of_kind(place, kinds[_end_of_function(place)]) if place.left_open else place for place in asked]


def _end_of_function(place: Place) -> tuple[str, bool]:
    return place.probe.target, place.probe.kind.returns


def _of_kind(place: Place, kind: ProbeKind) -> Place:
    return replace(place, probe=replace(place.probe, kind=kind))
