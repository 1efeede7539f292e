"""Declarations, a request and a kernel view make a plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from tracer_core.errors import MachineError, PluginError, UsageError
from tracer_core.plan.ordering import ordered
from tracer_core.plan.places import MAX_ARGUMENTS, locate
from tracer_core.plan.plan import Plan, PlannedFragment, PlannedGetter, PlannedProbe, PlannedSection, Shape
from tracer_core.sections import Header
from tracer_core.types import ProbeKind
from tracer_core.wire import Layout, layout_of

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence

    from tracer_core.kernel.view import Kernel, Prototype
    from tracer_core.plan.request import Request
    from tracer_core.plugins.declaration import Declaration, Owner
    from tracer_core.types import Probe

NETNS_TYPES = ("struct sk_buff *", "struct net_device *", "struct net *")
"""C types from which the core itself can tell a network namespace."""

_MASK_BITS = 64

H = TypeVar("H", bound="Hashable")


def plan(declarations: Iterable[Declaration], request: Request, kernel: Kernel) -> Plan:
    """Decide what runs where. Pure: equal arguments give equal plans.

    Raises:
        PluginError: collectors contradict each other.
        UsageError: a probe does not exist, or there is none to attach to.
        MachineError: the kernel cannot do what the request needs.
    """
    members = _in_order(declarations)
    fragments = tuple(PlannedFragment(d.owner, fragment) for d in members for fragment in d.fragments)
    getters = tuple(PlannedGetter(d.owner, getter) for d in members for getter in d.getters)
    _refuse_clashes(members)
    if request.netns and kernel.member("net_device", "nd_net.net") is None:
        raise MachineError("--netns: this kernel has no network namespaces", hint="leave the option out")
    netns_types = NETNS_TYPES if request.netns else ()
    arg_types = _unique(
        [
            *netns_types,
            *(t for f in fragments for t in f.fragment.needs),
            *(t for g in getters for t in (g.getter.gives, *g.getter.needs)),
        ]
    )
    shapes: list[Shape] = []
    probes: list[PlannedProbe] = []
    skipped: list[Probe] = []
    for probe, prototype in _located(members, request, kernel):
        shape = _shape(probe, prototype, arg_types, getters, fragments, netns_types=netns_types, typed=request.typed)
        if not shape.fragments:
            skipped.append(probe)
            continue
        if shape not in shapes:
            shapes.append(shape)
        probes.append(PlannedProbe(probe, prototype, shapes.index(shape)))
    if not probes:
        raise _nothing_to_attach(members, skipped)
    return Plan(
        release=kernel.release,
        owners=tuple(d.owner for d in members),
        arg_types=tuple(arg_types),
        fragments=fragments,
        sections=_sections(fragments),
        shapes=tuple(shapes),
        probes=tuple(probes),
        netns=request.netns,
        skipped=tuple(skipped),
    )


def _in_order(declarations: Iterable[Declaration]) -> list[Declaration]:
    by_name = {d.spec.name: d for d in declarations}
    return [by_name[name] for name in ordered({name: d.spec.after for name, d in by_name.items()})]


def _unique(items: Iterable[H]) -> list[H]:
    return list(dict.fromkeys(items))


def _located(members: Sequence[Declaration], request: Request, kernel: Kernel) -> Iterable[tuple[Probe, Prototype]]:
    """Every place once, whoever asked for it; it is generic if anybody wants it to be."""
    found: dict[Hashable, tuple[Probe, Prototype]] = {}
    for asked in (*request.probes, *(probe for d in members for probe in d.probes)):
        place = locate(asked, request, kernel)
        if place is not None:
            probe, prototype = place
            known, _ = found.get(probe.key, place)
            found[probe.key] = (replace(probe, generic=known.generic or probe.generic), prototype)
    return found.values()


def _shape(
    probe: Probe,
    prototype: Prototype,
    arg_types: Sequence[str],
    getters: Sequence[PlannedGetter],
    fragments: Sequence[PlannedFragment],
    *,
    netns_types: Sequence[str],
    typed: bool,
) -> Shape:
    positions = {c_type: at for c_type in arg_types if (at := prototype.index_of(c_type)) is not None}
    if probe.kind is ProbeKind.KPROBE:  # the others are on the stack
        positions = {c_type: at for c_type, at in positions.items() if at < MAX_ARGUMENTS}
    known = set(positions)
    used = []
    for planned in getters:
        if planned.getter.gives not in known and known.issuperset(planned.getter.needs):
            used.append(planned)
            known.add(planned.getter.gives)
    running = tuple(
        index
        for index, planned in enumerate(fragments)
        if _runs_at(planned, probe) and (not planned.fragment.needs or known.intersection(planned.fragment.needs))
    )
    # only what is read makes a shape, so that probes share code: of several ways to a namespace the first is enough
    read = {t for index in running for t in fragments[index].fragment.needs} | {t for g in used for t in g.getter.needs}
    read |= set([t for t in netns_types if t in known][:1])
    args = tuple((c_type, at) for c_type, at in positions.items() if c_type in read)
    return Shape(probe.kind, _is_typed(probe, prototype, allowed=typed), args, tuple(used), running)


def _is_typed(probe: Probe, prototype: Prototype, *, allowed: bool) -> bool:
    if probe.kind is ProbeKind.FENTRY:
        return True
    # for a tracepoint of a module it would need the module's BTF object
    return probe.kind is ProbeKind.RAW_TRACEPOINT and allowed and not prototype.module


def _runs_at(planned: PlannedFragment, probe: Probe) -> bool:
    places = planned.fragment.probes
    return any(_is_at(place, probe) for place in places) if places else probe.generic


def _is_at(place: Probe, probe: Probe) -> bool:
    decided = (ProbeKind.FENTRY, ProbeKind.KPROBE)
    if place.kind is ProbeKind.FUNCTION:  # the plan decided how
        return place.target == probe.target and probe.kind in decided
    return place.key == probe.key


def _sections(fragments: Iterable[PlannedFragment]) -> tuple[PlannedSection, ...]:
    layouts: list[Layout] = _unique(layout_of(cls) for f in fragments for cls in f.fragment.emits)
    placed, shift = [], 0
    for layout in layouts:
        placed.append(PlannedSection(layout, shift))
        shift += layout.bits
    if shift > _MASK_BITS:
        raise PluginError(
            f"the selected collectors' sections take {shift} bits of a record's mask, which has {_MASK_BITS}",
            hint="select fewer collectors with -c",
        )
    return tuple(placed)


def _refuse_clashes(members: Iterable[Declaration]) -> None:
    names: dict[str, tuple[Layout, Owner]] = {}
    functions: dict[str, Owner] = {}
    for member in members:
        for layout in map(layout_of, member.spec.sections):
            known, owner = names.setdefault(layout.name, (layout, member.owner))
            if known != layout or layout.name == layout_of(Header).name:
                message = f"section {layout.name} is declared by both {owner} and {member.owner}"
                raise PluginError(message, hint="leave one of them out of -c")
        declared = {layout_of(cls).name for cls in member.spec.sections}
        for fragment in member.fragments:
            unknown = {layout_of(cls).name for cls in fragment.emits} - declared
            if unknown:
                raise PluginError(
                    f"{member.owner}: {fragment.function} emits {', '.join(sorted(unknown))}, not among its sections",
                    hint="add them to CollectorSpec.sections",
                )
        for function in (*(f.function for f in member.fragments), *(g.function for g in member.getters)):
            if not function.startswith(f"{member.spec.name}_"):
                raise PluginError(
                    f"{member.owner}: C function {function} must be called {member.spec.name}_<verb>",
                    hint="C names of a collector begin with its name",
                )
            other = functions.setdefault(function, member.owner)
            if other is not member.owner:
                message = f"C function {function} is defined by both {other} and {member.owner}"
                raise PluginError(message, hint="leave one of them out of -c")


def _nothing_to_attach(members: Sequence[Declaration], skipped: Sequence[Probe]) -> UsageError:
    who = ", ".join(d.spec.name for d in members)
    if skipped:
        wanted = sorted({t for d in members for f in d.fragments for t in f.needs})
        return UsageError(
            f"probe {', '.join(map(str, skipped))}: no collector could retrieve data from it "
            f"({who} can read {', '.join(wanted) or 'nothing'})",
            hint="choose another probe, or another collector with -c",
        )
    return UsageError(
        f"nothing to attach to: {who} brings no probes of its own", hint="give one with -p, as in tp:GROUP:NAME"
    )
