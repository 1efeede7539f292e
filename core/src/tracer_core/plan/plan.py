"""The plan of a run: what is attached where, in which order code runs, what a record looks like. A printable value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from tracer_core.sections import TrackedData

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.filters.metadata.condition import Condition
    from tracer_core.filters.metadata.wanted import MetadataFilter
    from tracer_core.filters.packet import PacketFilter
    from tracer_core.kernel.view import Prototype, Result
    from tracer_core.levels import LogLevel
    from tracer_core.plan.following import OnStack, Role, Sight, StackPlace, Stacks
    from tracer_core.plugins.declaration import Owner
    from tracer_core.types import Fragment, Getter, Probe, ProbeKind
    from tracer_core.userspace.live import UserPlace
    from tracer_core.userspace.usdt_arguments import UsdtArgument
    from tracer_core.wire import Layout

# a cookie is, from below, a probe's index, its shape, and the positions of its arguments
SHAPE_SHIFT, POSITIONS_SHIFT = 20, 32
_POSITION_BITS = 3
_ABSENT = (1 << _POSITION_BITS) - 1


@dataclass(frozen=True, slots=True)
class PlannedSection:
    """The place in the records of this run of a section's own fields, or of a group of them.

    Attributes:
        layout: What it looks like.
        shift: First bit it takes in the record's mask.
        group_of: The section that it is a group of, if it is one.
    """

    layout: Layout
    shift: int
    group_of: Layout | None = None


@dataclass(frozen=True, slots=True)
class PlannedFragment:
    """A fragment with the collector it belongs to."""

    owner: Owner
    fragment: Fragment

    @property
    def reads(self) -> tuple[str, ...]:
        """C types of the arguments that it is given, where they are."""
        return (*self.fragment.needs, *self.fragment.any_of)


@dataclass(frozen=True, slots=True)
class PlannedGetter:
    """A getter with the collector it belongs to."""

    owner: Owner
    getter: Getter


class Identity(Enum):
    """How a program knows which probe it was called by."""

    CONSTANT = "constant"
    """It is loaded once for each probe, whose index is put into its code."""
    COOKIE = "cookie"
    """The kernel keeps the index for each place it is attached to (5.15)."""
    ADDRESS = "address"
    """It looks the index up by the address of the function."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Code that probes share: they differ in nothing but their index and where they are attached.

    Attributes:
        kind: Of the probes.
        typed: The program is loaded with the types of its arguments.
        identity: How it knows its probe.
        result: At returns: of the function.
        position: At returns through a trampoline: of the result, after the arguments.
        reports: At returns: the result is worth an event, whatever fragments say.
        plain: It may load members plainly: it is typed, and nothing comes out of a map.
        anonymous: It is about no packet and no namespace.
        stack: Events tell the calls that led there.
        args: (C type, position) of the arguments that code asks for by type; nothing for a position if each of its
            probes has it elsewhere, or not at all.
        getters: Getters to call, in order.
        fragments: Indices of the plan's fragments to run, in order.
        operands: At USDT probes: where the arguments are.
        sight: What it does about its packet, if packets are tracked and it has one.
        role: What else it does so that packets can be tracked.
        filtered: It asks the packet filter about packets that are not tracked yet.
        condition: What it asks of metadata, if it is not tracked yet; nothing where all is wanted.
        on_stack: What it does about the packet that its stack runs for, if that is kept.
    """

    kind: ProbeKind
    typed: bool
    identity: Identity
    result: Result | None
    position: int
    stack: bool
    args: tuple[tuple[str, int | None], ...]
    getters: tuple[PlannedGetter, ...]
    fragments: tuple[int, ...]
    operands: tuple[UsdtArgument, ...] | None = None
    sight: Sight | None = None
    role: Role | None = None
    filtered: bool = False
    condition: Condition | None = None
    on_stack: OnStack | None = None
    reports: bool = False
    plain: bool = False
    anonymous: bool = False

    @property
    def is_judging(self) -> bool:
        """Whether it asks a filter."""
        return self.filtered or self.condition is not None

    @property
    def is_helper(self) -> bool:
        """Whether it runs nobody's fragments and makes no events: it is there for tracking alone."""
        return not self.fragments


@dataclass(frozen=True, slots=True)
class PlannedProbe:
    """A place to attach to.

    Attributes:
        probe: As asked for.
        prototype: What the kernel passes there.
        shape: Index of its code in the plan's shapes.
        address: Of the function, where its program tells it by that; 0 elsewhere.
        user: The place, if it is in a process.
        positions: Of its shape's arguments, where they are not the shape's; nothing for one that it lacks.
        spare: It is attached to when a stack shows that a packet passes it.
    """

    probe: Probe
    prototype: Prototype
    shape: int
    address: int = 0
    user: UserPlace | None = None
    positions: tuple[int | None, ...] = ()
    spare: bool = False

    def cookie(self, index: int) -> int:
        """What its program is told where the kernel keeps cookies: its probe, its shape, where arguments are.

        Args:
            index: Its own in the plan.
        """
        packed = 0
        for at, position in enumerate(self.positions):
            packed |= (_ABSENT if position is None else position) << (_POSITION_BITS * at)
        return packed << POSITIONS_SHIFT | self.shape << SHAPE_SHIFT | index

    def arguments(self, shape: Shape) -> Iterator[tuple[str, int]]:
        """(C type, position) of the arguments that its code asks for by type."""
        for at, (c_type, position) in enumerate(shape.args):
            found = self.positions[at] if position is None else position
            if found is not None:
                yield c_type, found


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that composing, loading and decoding need to know.

    Attributes:
        release: Of the kernel it is for.
        owners: The collectors, in the order in which their code runs.
        arg_types: C types that code asks for by type; each is a member of ``struct tracer_ctx``.
        fragments: In the order in which they run.
        sections: In the order in which they stand in a record, after the header.
        shapes: Code to compile.
        probes: Places to attach to; a record names its probe by the index here.
        netns: Inode numbers of the network namespaces that packets must be in; empty for all.
        multi: Kprobes of one program are attached all at once.
        casts: Programs can call ``bpf_rdonly_cast``, and some load members plainly.
        skipped: Probes that nothing could be learned from.
        missing: Why optional probes cannot be had on this kernel.
        weakness: What of tracking packets does not work as it should on this kernel, or nothing.
        filter: What packets must look like where they are first met; nothing for all.
        metadata: What else must hold there; nothing if nothing must.
        features: Of the kernel, as constants for the core's own C.
        probe_stack: Stacks are recorded to find spare probes in, also where nobody asked to see them.
        stacks: How stacks are known to run for a packet; nothing if nobody asked for that.
        stack_place: Where they are; nothing if nobody has to know, or the kernel does not tell.
        log_level: The least important messages that programs write; nothing if they write none.
    """

    release: str
    owners: tuple[Owner, ...]
    arg_types: tuple[str, ...]
    fragments: tuple[PlannedFragment, ...]
    sections: tuple[PlannedSection, ...]
    shapes: tuple[Shape, ...]
    probes: tuple[PlannedProbe, ...]
    netns: tuple[int, ...]
    multi: bool = False
    casts: bool = False
    skipped: tuple[Probe, ...] = ()
    missing: tuple[str, ...] = ()
    weakness: str = ""
    filter: PacketFilter | None = None
    metadata: MetadataFilter | None = None
    features: tuple[tuple[str, int], ...] = ()
    probe_stack: bool = False
    stacks: Stacks | None = None
    stack_place: StackPlace | None = None
    log_level: LogLevel | None = None

    @property
    def layouts(self) -> tuple[Layout, ...]:
        """Of the sections that events may have, in the order of :attr:`sections`."""
        events = (section for section in self.sections if section is not self.tracked_data)
        return tuple(dict.fromkeys(section.group_of or section.layout for section in events))

    @property
    def tracked_data(self) -> PlannedSection | None:
        """The section of records that are no events: of what becomes of packets' data. Nothing if there are none."""
        return next((section for section in self.sections if section.layout.cls is TrackedData), None)

    @property
    def attached(self) -> int:
        """How many probes are attached from the start."""
        return sum(not planned.spare for planned in self.probes)

    @property
    def tracking(self) -> bool:
        """Whether packets are tracked; the last probes are then those that it takes."""
        return any(shape.sight or shape.role for shape in self.shapes)

    def describe(self) -> Iterator[str]:
        """Lines for ``--dry-run``."""
        from tracer_core.plan.describe import describe  # noqa: PLC0415 - it is about what is here

        return describe(self)
