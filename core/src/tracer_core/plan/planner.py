"""Declarations, a request and a kernel view make a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from tracer_core.errors import MachineError, PluginError, UsageError
from tracer_core.filters.metadata.place import Placer
from tracer_core.plan.asked import asked_places
from tracer_core.plan.clashes import refuse_clashes
from tracer_core.plan.filtering import Filters
from tracer_core.plan.ordering import ordered
from tracer_core.plan.plan import Identity, Plan, PlannedFragment, PlannedGetter, PlannedProbe, PlannedSection
from tracer_core.plan.request import DEFAULT_PROBES
from tracer_core.plan.shapes import Code, helper_shape, shape_of
from tracer_core.plan.stacks import asks_for_key, ends, stack_place, stacks_of, with_returns
from tracer_core.plan.tracking import PACKET, TRACKED, track
from tracer_core.plugins.declaration import shown
from tracer_core.sections import Return, Stack, TrackedData
from tracer_core.types import ProbeKind
from tracer_core.wire import Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.following import StackPlace, Stacks
    from tracer_core.plan.places import Place
    from tracer_core.plan.plan import Shape
    from tracer_core.plan.request import Abilities, Request
    from tracer_core.plan.tracking import Tracking
    from tracer_core.plugins.declaration import Declaration
    from tracer_core.types import Probe

# C types from which the core itself can tell a network namespace
_NETNS_TYPES = ("struct sk_buff *", "struct net_device *", "struct net *")

_MASK_BITS = 63  # the last one is of records that are messages
_MEET = "give one more where packets pass, as in -p net:netif_receive_skb"
_PACKETS_ONLY = "leave out -f if it has no packet that could match, or choose another probe"
_VLAN = ("vlan_present", "vlan_all")  # 5.0 to 6.1, 6.2

H = TypeVar("H", bound="Hashable")


class _Attached:
    """Probes in the order in which they are planned, with the code that they share."""

    def __init__(self) -> None:
        self.probes: list[PlannedProbe] = []
        self.shapes: dict[Shape, int] = {}

    def add(self, place: Place, shape: Shape, address: int, positions: tuple[int | None, ...] = ()) -> None:
        """Add a probe; the arguments are as :class:`~tracer_core.plan.plan.PlannedProbe` has them."""
        index = self.shapes.setdefault(shape, len(self.shapes))
        self.probes.append(
            PlannedProbe(place.probe, place.prototype, index, address, place.user, positions, place.spare)
        )


def plan(declarations: Iterable[Declaration], request: Request, kernel: TypedKernel) -> Plan:
    """Decide what runs where. Pure: equal arguments give equal plans.

    Raises:
        PluginError: collectors contradict each other.
        UsageError: a probe does not exist, or there is none to attach to.
        MachineError: the kernel cannot do what the request needs.
    """
    members = _in_order(declarations)
    fragments = tuple(PlannedFragment(d.owner, fragment) for d in members for fragment in d.fragments)
    getters = tuple(PlannedGetter(d.owner, getter) for d in members for getter in d.getters)
    refuse_clashes(members)
    if request.netns and kernel.member("net_device", "nd_net.net") is None:
        raise MachineError("--netns: this kernel has no network namespaces", hint="leave the option out")
    netns_types = _NETNS_TYPES if request.netns else ()
    placer = Placer(request.metadata, kernel) if request.metadata is not None else None
    filters = Filters(request.filter is not None, placer)
    arg_types = _arg_types(netns_types, placer, fragments, getters)
    abilities = request.abilities
    # who matched once is followed, whatever becomes of it
    tracking = track(kernel, abilities) if TRACKED in arg_types or filters.any else None
    if tracking is not None:
        arg_types = tuple(_unique([*arg_types, PACKET, TRACKED]))
    located, missing = asked_places((probe for d in members for probe in d.probes), request, kernel)
    places = with_returns(located)
    stacks = stacks_of(places, fragments, request, kernel)
    code = Code(
        getters,
        fragments,
        arg_types,
        netns_types,
        abilities,
        tracking,
        filters,
        stacks=stacks is not None,
        all_stacks=request.probe_stack,
    )
    attached = _Attached()
    skipped = _unique(_attach_asked(places, code, attached, kernel))
    if placer is not None:
        placer.finish()
    if all(planned.spare for planned in attached.probes):
        raise _nothing_to_attach(members, skipped, tuple(missing), filtered=filters.any)
    is_tracking = tracking is not None and any(shape.sight for shape in attached.shapes)
    if stacks and not is_tracking:
        raise UsageError("none of the probes has a packet that others could run for", hint=_MEET)
    # last, for where several programs run at one place: events are made before their packet is forgotten
    _attach_helpers(tracking if is_tracking else None, abilities, attached, kernel)
    shapes = attached.shapes
    return Plan(
        release=kernel.release,
        owners=tuple(d.owner for d in members),
        arg_types=arg_types,
        fragments=fragments,
        sections=_sections(shapes, fragments, tracked_data=request.sort and is_tracking),
        shapes=tuple(shapes),
        probes=tuple(attached.probes),
        netns=request.netns,
        multi=any(shape.kind.breaks for shape in shapes) and abilities.cookies and abilities.multi,
        casts=any(shape.plain for shape in shapes) and abilities.casts,
        skipped=tuple(skipped),
        missing=tuple(missing),
        weakness=tracking.weakness if tracking and is_tracking else "",
        filter=request.filter,
        metadata=request.metadata,
        features=_features(kernel) if request.filter is not None else (),
        probe_stack=request.probe_stack,
        stacks=stacks,
        stack_place=_stack_place(stacks, fragments, getters, kernel),
        log_level=request.log_level,
    )


def _arg_types(
    netns_types: Iterable[str],
    placer: Placer | None,
    fragments: Iterable[PlannedFragment],
    getters: Iterable[PlannedGetter],
) -> tuple[str, ...]:
    """C types that somebody asks for: the core, filters, collectors."""
    asked = [*netns_types, *(placer.c_types if placer is not None else ())]
    asked += (c_type for planned in fragments for c_type in planned.reads)
    asked += (c_type for planned in getters for c_type in (planned.getter.gives, *planned.getter.needs))
    return tuple(_unique(asked))


def _attach_asked(places: Iterable[Place], code: Code, attached: _Attached, kernel: TypedKernel) -> Iterator[Probe]:
    """Plan the places that somebody asked for. Gives the probes at which nobody can learn anything."""
    for place in places:
        if place.spare and code.tracking and code.tracking.role_at(place.probe):
            continue  # its program must run from the start
        identity, address = _identity(place.probe, code.abilities, kernel)
        fit = shape_of(place, identity, code)
        if fit is not None:
            attached.add(place, fit.shape, address, fit.positions)
        elif not place.spare:
            yield place.probe


def _attach_helpers(tracking: Tracking | None, abilities: Abilities, attached: _Attached, kernel: TypedKernel) -> None:
    """Plan the places that run nobody's fragments: where windows close, and where packets end or move."""
    needed = tracking.needed([planned.probe for planned in attached.probes]) if tracking is not None else ()
    for helper in (*ends(attached.probes), *needed):
        identity, address = _identity(helper.place.probe, abilities, kernel)
        attached.add(helper.place, helper_shape(helper, identity=identity, abilities=abilities), address)


def _stack_place(
    stacks: Stacks | None, fragments: Iterable[PlannedFragment], getters: Iterable[PlannedGetter], kernel: TypedKernel
) -> StackPlace | None:
    keyed = [f.owner for f in fragments if asks_for_key([f.fragment.source])]
    keyed += [g.owner for g in getters if asks_for_key([g.getter.source])]
    if stacks is None and not keyed:
        return None
    place = stack_place(kernel)
    if place is None:
        raise MachineError(
            f"{keyed[0]}: this kernel does not say where stacks are", hint="leave the collector out of -c"
        )
    return place


def _features(kernel: TypedKernel) -> tuple[tuple[str, int], ...]:
    """How the kernel keeps a VLAN tag that is not in a packet's bytes."""
    return tuple((f"TRACER_{name.upper()}", int(kernel.member("sk_buff", name) is not None)) for name in _VLAN)


def _in_order(declarations: Iterable[Declaration]) -> list[Declaration]:
    by_name = {d.spec.name: d for d in declarations}
    return [by_name[name] for name in ordered({name: d.spec.after for name, d in by_name.items()})]


def _unique(items: Iterable[H]) -> list[H]:
    return list(dict.fromkeys(items))


def _identity(probe: Probe, abilities: Abilities, kernel: TypedKernel) -> tuple[Identity, int]:
    """How the program at a probe knows which it is, and the address by which it does, if so."""
    if not (probe.kind.breaks or probe.kind.in_process):
        return Identity.CONSTANT, 0
    if abilities.cookies:
        return Identity.COOKIE, 0
    # when a function returns, nothing in the registers tells which it was
    address = kernel.symbol(probe.target) if probe.kind is ProbeKind.KPROBE else None
    return (Identity.ADDRESS, address) if address else (Identity.CONSTANT, 0)


def _sections(
    shapes: Iterable[Shape], fragments: Iterable[PlannedFragment], *, tracked_data: bool
) -> tuple[PlannedSection, ...]:
    """Sections in the order in which programs add them; last what is told of packets' data, if it is."""
    events = [shape for shape in shapes if not shape.is_helper]
    first: list[type[Any]] = [Return] if any(shape.reports for shape in events) else []
    last: list[type[Any]] = [Stack] if any(shape.stack for shape in shapes) else []
    last += [TrackedData] if tracked_data else []
    emitted: list[type[Any]] = [cls for f in fragments for cls in f.fragment.emits]
    layouts: list[Layout] = _unique(map(layout_of, (*first, *emitted, *last)))
    placed, shift = [], 0
    for section in layouts:
        for layout in section.placed():
            placed.append(PlannedSection(layout, shift, section if layout is not section else None))
            shift += layout.bits
    if shift > _MASK_BITS:
        raise PluginError(
            f"the selected collectors' sections take {shift} bits of a record's mask, which has {_MASK_BITS}",
            hint="select fewer collectors with -c",
        )
    return tuple(placed)


def _nothing_to_attach(
    members: Sequence[Declaration], skipped: Sequence[Probe], missing: Sequence[str], *, filtered: bool
) -> UsageError:
    names = [shown(d.spec.name) for d in members]
    if skipped:
        wanted = sorted({t for d in members for f in d.fragments for t in (*f.needs, *f.any_of)})
        return UsageError(
            f"probe {', '.join(map(str, skipped))}: no collector could retrieve data from it "
            f"{'under a filter ' if filtered else ''}({', '.join(names)} can read {', '.join(wanted) or 'nothing'})",
            hint=_PACKETS_ONLY if filtered else "choose another probe, or another collector with -c",
        )
    if missing:
        return UsageError(f"nothing to attach to: {'; '.join(missing)}", hint="give other probes with -p")
    *first, last = names or ["nobody"]
    several = f"{', '.join(first)} and {last} bring no probes of their own"
    usual = " ".join(f"-p {probe}" for probe in DEFAULT_PROBES)
    return UsageError(
        f"nothing to attach to: {several if first else f'{last} brings no probes of its own'}",
        hint=f"leave -c out, or give some, as in {usual}",
    )
