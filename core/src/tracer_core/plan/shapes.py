"""What code runs at a place: the arguments, getters and fragments that fit, and how the program knows where it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from tracer_core.filters.metadata.condition import typed_roots
from tracer_core.plan.filtering import Asked, Filters
from tracer_core.plan.following import Role
from tracer_core.plan.plan import Identity, Shape
from tracer_core.plan.reading import reach, runs_at
from tracer_core.plan.stacks import on_stack
from tracer_core.plan.tracking import PACKET, TRACKED, sight_at
from tracer_core.types import Gate, ProbeKind

if TYPE_CHECKING:
    from tracer_core.plan.places import Place
    from tracer_core.plan.plan import PlannedFragment, PlannedGetter
    from tracer_core.plan.request import Abilities
    from tracer_core.plan.tracking import Helper, Tracking
    from tracer_core.types import Probe


class Fit(NamedTuple):
    """The code for a place, and where the arguments are that it asks for, if that is not in the code."""

    shape: Shape
    positions: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Code:
    """What there is to run in a run, and what is asked of it wherever it runs.

    Attributes:
        getters: Of all collectors.
        fragments: Of all collectors, in the order in which they run.
        arg_types: C types that somebody asks for.
        netns_types: Those of them from which the core tells network namespaces, if it must.
        abilities: Of the kernel.
        tracking: How packets are followed, if they are.
        filters: Of the run.
        stacks: Kernel stacks are known to run for packets.
        all_stacks: Stacks are recorded, whether somebody asked to see them or not.
    """

    getters: tuple[PlannedGetter, ...]
    fragments: tuple[PlannedFragment, ...]
    arg_types: tuple[str, ...]
    netns_types: tuple[str, ...]
    abilities: Abilities
    tracking: Tracking | None
    filters: Filters
    stacks: bool
    all_stacks: bool


def shape_of(place: Place, identity: Identity, code: Code) -> Fit | None:
    """The code for a place, or nothing if no fragment can do anything there.

    Args:
        place: Where.
        identity: How the program knows its probe.
        code: Of the run.

    Raises:
        UsageError: a filter does not fit what is there.
    """
    tracking, fragments = code.tracking, code.fragments
    probe, prototype = place.probe, place.prototype
    positions = {c_type: at for c_type in code.arg_types if (at := prototype.index_of(c_type)) is not None}
    found = reach(probe, positions, code.getters, fragments)
    known = set(found.known)
    is_tracked = tracking is not None and PACKET in known
    asked = Asked() if found.anonymous else code.filters.at(place, known, has_packet=is_tracked)
    followed = code.stacks and not found.anonymous
    use = on_stack(probe, asked, has_packet=PACKET in known, filtered=code.filters.any) if followed else None
    inherits = use is not None and use.inherits
    if is_tracked or inherits:
        known.add(TRACKED)
    running = tuple(
        index
        for index, planned in enumerate(fragments)
        if runs_at(planned, probe, known) and (asked.can_match or inherits or planned.fragment.gate is Gate.ALWAYS)
    )
    if not running:
        return None
    # only what is read makes a shape, so that probes share code: of several ways to a namespace the first is enough
    read = {t for index in running for t in fragments[index].reads} | {t for g in found.getters for t in g.getter.needs}
    read |= set([t for t in code.netns_types if t in known][:1])
    read |= {PACKET} if is_tracked else set()
    read |= typed_roots(asked.condition) if asked.condition is not None else set()
    args: tuple[tuple[str, int | None], ...]
    if probe.kind.breaks and identity is Identity.COOKIE:  # which says where they are, so that one program serves all
        args = tuple((c_type, None) for c_type in code.arg_types if c_type in read and c_type != TRACKED)
        elsewhere = tuple(found.positions.get(c_type) for c_type, _ in args)
    else:
        args, elsewhere = tuple((c_type, at) for c_type, at in found.positions.items() if c_type in read), ()
    shape = Shape(
        kind=probe.kind,
        typed=_is_typed(probe, code.abilities),
        plain=_is_typed(probe, code.abilities) and all(planned.getter.trusted for planned in found.getters),
        identity=identity,
        result=prototype.result if probe.kind.returns else None,
        position=len(prototype.params) if probe.kind is ProbeKind.FEXIT else 0,
        reports=probe.kind.returns and probe.generic,
        anonymous=found.anonymous,
        stack=probe.stack or (code.all_stacks and not probe.kind.in_process),
        args=args,
        getters=found.getters,
        fragments=running,
        operands=place.user.arguments if place.user is not None else None,
        sight=sight_at(probe) if is_tracked else None,
        role=tracking.role_at(probe) if tracking else None,
        filtered=asked.packet,
        condition=asked.condition,
        on_stack=use,
    )
    return Fit(shape, elsewhere)


def helper_shape(helper: Helper, *, identity: Identity, abilities: Abilities) -> Shape:
    """The code for a place that is probed for tracking alone."""
    probe, prototype = helper.place.probe, helper.place.prototype
    # 5.10 lets no typed program have an argument of type const void *
    typed = _is_typed(probe, abilities) and helper.role is not Role.FREES_MEMORY
    return Shape(
        kind=probe.kind,
        typed=typed,
        identity=identity,
        # that a call returns is all that matters where a window closes
        result=prototype.result if probe.kind.returns and helper.role is not Role.CLOSES else None,
        position=len(prototype.params) if probe.kind is ProbeKind.FEXIT else 0,
        stack=False,
        args=(),
        getters=(),
        fragments=(),
        role=helper.role,
        plain=typed,
    )


def _is_typed(probe: Probe, abilities: Abilities) -> bool:
    if probe.kind is ProbeKind.RAW_TRACEPOINT:
        return abilities.typed
    return not (probe.kind.breaks or probe.kind.in_process)
