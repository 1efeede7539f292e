"""The way from a root to a value, by the kernel's types: member after member, pointer after pointer."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from tracer_core.errors import near
from tracer_core.filters.metadata.condition import Hop
from tracer_core.filters.metadata.trouble import trouble
from tracer_core.filters.metadata.typing import AGGREGATES, POINTER_SIZE, named
from tracer_core.kernel.btf_types import MODIFIERS, Kind

if TYPE_CHECKING:
    from tracer_core.errors import UsageError
    from tracer_core.filters.metadata.syntax import Step
    from tracer_core.filters.metadata.typing import Types, Typing

_MEMBERS = "they are in: bpftool btf dump file /sys/kernel/btf/vmlinux format c"
_ELSEWHERE = frozenset({"percpu", "user"})  # type tags of pointers that must not be loaded from plainly


@dataclass(frozen=True, slots=True)
class Way:
    """How far the steps of a name have led: from a root through members and pointers.

    Attributes:
        type: Of what is there.
        hops: Pointers followed so far.
        offset: Bits from where the last one points; nothing if what is there is the root itself.
        bits: Of a bit-field; 0 for anything else.
        plain: What is there may be loaded plainly.
    """

    type: Typing
    hops: tuple[Hop, ...] = ()
    offset: int | None = None
    bits: int = 0
    plain: bool = True


class Walker:
    """Follows the steps of a filter.

    Args:
        text: Of the filter, for errors.
        types: Of the kernel.
    """

    def __init__(self, text: str, types: Types) -> None:
        self._text = text
        self._types = types

    def walk(self, start: Way, steps: tuple[Step, ...]) -> Way:
        """The way to the last step, the first of which is the root.

        Raises:
            UsageError: there is none.
        """
        way = self._indexed(start, steps[0])
        for before, step in pairwise(steps):
            way = self._indexed(self._member(self._entered(way, before, step), step), step)
        if steps[-1].cast:
            raise self._trouble(steps[-1], f"{steps[-1].name} is cast, so one of its members must follow")
        return way

    def _entered(self, way: Way, step: Step, following: Step) -> Way:
        """What has the member that follows: what is there, or what it points at."""
        if step.cast:
            return self._pointed(way, step, self._cast(way, step))
        if way.type.is_pointer:
            return self._pointed(way, step, self._aggregate(way, step, following))
        if step.mask is not None:
            raise self._trouble(step, f"a mask followed by a member needs a pointer: {step.name} is {way.type.text}")
        if not way.type.is_aggregate:
            raise self._trouble(following, f"{step.name} is {way.type.text}, which has no members")
        return way

    def _pointed(self, way: Way, step: Step, target: Typing) -> Way:
        is_plain = step.mask is None and not step.cast
        if way.offset is None:  # the root is in a register, and so is its mask
            return Way(target, offset=0, plain=way.plain and is_plain)
        # what was masked, or is a pointer by our word alone, is a number to verifiers
        hop = Hop(way.offset // 8, step.mask, way.plain and is_plain)
        is_near = not _tags(way.type) & _ELSEWHERE
        return Way(target, (*way.hops, hop), offset=0, plain=hop.plain and is_near)

    def _cast(self, way: Way, step: Step) -> Typing:
        is_address = way.type.is_pointer or (way.type.kind is Kind.INT and way.type.size == POINTER_SIZE)
        if not is_address or way.bits:
            raise self._trouble(step, f"{step.name} is {way.type.text}: only pointers and their like are cast")
        found = named(self._types, step.cast, *AGGREGATES, Kind.TYPEDEF)
        if found is None or not found.is_aggregate:
            what = "no structure" if found else "unknown to this kernel"
            raise self._trouble(step, f"{step.cast}, to which {step.name} is cast, is {what}")
        return found

    def _aggregate(self, way: Way, step: Step, following: Step) -> Typing:
        target = way.type.target
        if target.is_pointer:
            raise self._trouble(following, f"{step.name} points at a pointer, which is not followed")
        if target.kind is Kind.FWD:  # it is declared elsewhere: in a module, or later
            kind = Kind.UNION if target.resolved.is_union else Kind.STRUCT
            target = named(self._types, target.resolved.name, kind) or target
        if not target.is_aggregate:
            raise self._trouble(following, f"{step.name} is {way.type.text}, which points at nothing with members")
        return target

    def _member(self, way: Way, step: Step) -> Way:
        aggregate = way.type.resolved
        for member in way.type.btf.members(aggregate):
            if member.name == step.name:
                offset = (way.offset or 0) + member.bit_offset
                return Way(way.type.of(member.type_id), way.hops, offset, member.bit_size, way.plain)
        names = (member.name for member in way.type.btf.members(aggregate))
        what = f"{way.type.text} has no member {step.name}"
        raise trouble(self._text, step.at, what, hint=near(step.name, names) or _MEMBERS)

    def _indexed(self, way: Way, step: Step) -> Way:
        for index in step.indexes:
            array = way.type.resolved
            if way.type.kind is not Kind.ARRAY or way.offset is None:
                raise self._trouble(step, f"{step.name} is {way.type.text}, no array")
            if array.length and index >= array.length:  # of no length: it goes on behind its structure
                raise self._trouble(step, f"{step.name} has {array.length} elements, the last is {array.length - 1}")
            element = way.type.element
            way = Way(element, way.hops, way.offset + 8 * index * element.size, plain=way.plain)
        return way

    def _trouble(self, step: Step, what: str) -> UsageError:
        return trouble(self._text, step.at, what)


def _tags(pointer: Typing) -> set[str]:
    """Type tags of what a pointer points at (pahole 1.23, from compilers that write them)."""
    tags = set()
    found = pointer.btf.type(pointer.resolved.ref)
    while found.kind in MODIFIERS:
        if found.kind is Kind.TYPE_TAG:
            tags.add(found.name)
        found = pointer.btf.type(found.ref)
    return tags
