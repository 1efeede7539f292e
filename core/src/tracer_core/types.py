"""What collectors hand over: immutable values, free of any kernel access.

All of this is public through :mod:`tracer_core.api`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np

API_VERSION = (0, 1)
"""Version of the contract between core and collectors: (major, minor). 0.x may change until ovs works in it."""

S = TypeVar("S", bound=tuple[Any, ...])


class ProbeKind(Enum):
    """Ways to attach. Values are as in files."""

    RAW_TRACEPOINT = "raw_tracepoint"
    FENTRY = "fentry"
    """At the entry of a function, through a trampoline (5.5)."""
    FEXIT = "fexit"
    """At the return of a function, through a trampoline (5.5)."""
    KPROBE = "kprobe"
    """At the entry of a function, through a breakpoint or ftrace."""
    KRETPROBE = "kretprobe"
    """At the return of a function, through its return address."""
    FUNCTION = "function"
    """At the entry of a function, in the cheapest way that the kernel has. The plan decides which."""
    RETURN = "return"
    """At the return of a function, in the cheapest way that the kernel has. The plan decides which."""
    USDT = "usdt"
    """At a place in a process that its authors marked: ``sys/sdt.h``."""
    UPROBE = "uprobe"
    """At the entry of a function of a process."""

    @property
    def label(self) -> str:
        """Short form, in text."""
        return _LABELS.get(self, self.value)

    @property
    def returns(self) -> bool:
        """Whether it is at the end of what is probed, with what it began with and its result at hand."""
        return self in {ProbeKind.FEXIT, ProbeKind.KRETPROBE, ProbeKind.RETURN}

    @property
    def breaks(self) -> bool:
        """Whether it is a kprobe of either kind: arguments are in ``struct pt_regs``, and many share a program."""
        return self in {ProbeKind.KPROBE, ProbeKind.KRETPROBE}

    @property
    def in_process(self) -> bool:
        """Whether it is in a process, not in the kernel: arguments point at the process's memory, none at a packet."""
        return self in {ProbeKind.USDT, ProbeKind.UPROBE}


_LABELS = {
    ProbeKind.RAW_TRACEPOINT: "tp",
    ProbeKind.KPROBE: "k",
    ProbeKind.KRETPROBE: "kr",
    ProbeKind.USDT: "u",
    ProbeKind.UPROBE: "u",
}


@dataclass(frozen=True, slots=True)
class Probe:
    """A place to attach to.

    Attributes:
        kind: How.
        target: ``group:name`` of a tracepoint, or a function; ``*`` in it stands for any characters. In processes
            ``provider:name`` of a USDT probe, or a function, of which nothing stands for others.
        generic: Everybody's fragments run there, not only those that name it.
        optional: A kernel without it is no error.
        stack: Events tell by which calls the kernel got there.
        ftrace: While the function runs for a packet, so does what it calls.
        process: Name or PID of the process that it is in, if it is in one.
    """

    kind: ProbeKind
    target: str
    generic: bool = True
    optional: bool = field(default=False, compare=False)
    stack: bool = field(default=False, compare=False)
    ftrace: bool = field(default=False, compare=False)
    process: str | int = ""

    @classmethod
    def tracepoint(cls, target: str, *, generic: bool = True, optional: bool = False) -> Probe:
        """A raw tracepoint, ``group:name``."""
        return cls(ProbeKind.RAW_TRACEPOINT, target, generic=generic, optional=optional)

    @classmethod
    def function(cls, target: str, *, generic: bool = True, optional: bool = False, returns: bool = False) -> Probe:
        """The entry of a kernel function, by name, or its return."""
        return cls(ProbeKind.RETURN if returns else ProbeKind.FUNCTION, target, generic=generic, optional=optional)

    @classmethod
    def usdt(cls, process: str | int, target: str, *, generic: bool = False, optional: bool = False) -> Probe:
        """A probe that a process, or a library of it, was built with: ``provider:name``, wherever it was compiled in.

        Args:
            process: Its name or PID. Several of one name are an error.
            target: ``provider:name``.
            generic: Fragments without ``probes`` and ``needs`` run there, too.
            optional: No process or no such probe is no error; a message says that it is missing.
        """
        return cls(ProbeKind.USDT, target, generic=generic, optional=optional, process=process)

    @classmethod
    def uprobe(cls, process: str | int, symbol: str, *, generic: bool = False, optional: bool = False) -> Probe:
        """The entry of a function of the program that a process runs; the arguments are as for :meth:`usdt`."""
        return cls(ProbeKind.UPROBE, symbol, generic=generic, optional=optional, process=process)

    @property
    def key(self) -> tuple[ProbeKind, str, str | int]:
        """Probes with one key are one probe."""
        return self.kind, self.target, self.process

    @property
    def is_pattern(self) -> bool:
        """Whether it stands for any number of places that its name matches."""
        return "*" in self.target and not self.kind.in_process

    def __str__(self) -> str:
        prefix = {ProbeKind.FUNCTION: "", ProbeKind.RAW_TRACEPOINT: "tp:"}.get(self.kind, f"{self.kind.value}:")
        return prefix + (f"{self.process}:{self.target}" if self.kind.in_process else self.target)


class Gate(StrEnum):
    """When a fragment runs. Network namespaces (``--netns``) come before all of them."""

    MATCHED = "matched"
    """The packet and metadata filters both passed, or the packet is tracked."""
    PACKET = "packet"
    """The packet filter passed, or the packet is tracked."""
    ALWAYS = "always"
    """Whatever the filters say."""


@dataclass(frozen=True, slots=True)
class BpfSource:
    """C text with its origin, which compile errors and ``#line`` name.

    Attributes:
        text: C, ``static __always_inline`` functions only.
        origin: For example ``tracer_skb/bpf/skb.bpf.c``.
        defines: (name, value) of ``#define``s that the text sees: options and kernel features as constants.
    """

    text: str
    origin: str
    defines: tuple[tuple[str, int], ...] = ()

    @classmethod
    def resource(cls, package: str, path: str, **defines: int) -> BpfSource:
        """Read a file that a package ships, for example ``resource("tracer_skb", "bpf/skb.bpf.c", SKB_FLAG=1)``."""
        from importlib.resources import files  # noqa: PLC0415 - costs 5 ms, only runs need it

        text = files(package).joinpath(path).read_text("utf-8")
        return cls(text, f"{package}/{path}", tuple(sorted(defines.items())))


@dataclass(frozen=True, slots=True)
class Fragment:
    """C that takes the place of a stub in every probe that has what it needs.

    Attributes:
        function: C function ``int <collector>_<verb>(struct tracer_ctx *, struct tracer_event *)``.
        source: Where it is defined. Fragments and getters may share a source.
        needs: C types of which the probe must have an argument, for example ``("struct sk_buff *",)``;
            with several, any one suffices. A getter's result counts.
        emits: Section classes it may add, in the order in which it adds them.
        probes: Only run at these, or everywhere.
        gate: When it runs.
    """

    function: str
    source: BpfSource
    needs: tuple[str, ...]
    emits: tuple[type[Any], ...] = ()
    probes: tuple[Probe, ...] = ()
    gate: Gate = Gate.MATCHED


@dataclass(frozen=True, slots=True)
class Getter:
    """C that finds a value of a known type behind another argument, before filters run.

    Attributes:
        function: C function ``<gives> <collector>_<verb>(struct tracer_ctx *)``; may return NULL.
        source: Where it is defined.
        gives: C type it finds, for example ``struct sk_buff *``.
        needs: C types of arguments, all of which it needs.
    """

    function: str
    source: BpfSource
    gives: str
    needs: tuple[str, ...]


Columns = dict[str, Any]
"""Fields of one section for many events: column by name, equally long. Numbers are arrays, variable parts lists, groups
:class:`Group`; decoders give arrays, masked where values are missing, lists,
:class:`~tracer_core.events.batch.Labels`, or groups."""


@dataclass(frozen=True, slots=True)
class Group:
    """A column of groups.

    Attributes:
        columns: Their fields, of those that are there.
        rows: Which sections those are of: indices among all, ascending. Nothing if all have it.
    """

    columns: Columns
    rows: np.ndarray[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Decoder:
    """Turns raw columns into those of the section as users see it.

    Attributes:
        section: The section class.
        decode: Takes and gives columns; called per batch, never per event. Of a section with a record of its own,
            it takes those of the record, groups included: a group that none has is None.
    """

    section: type[Any]
    decode: Callable[[Columns], Columns]


class Place(Enum):
    """Where a section's text goes."""

    HEAD = "head"
    """On the event's first line."""
    TOP = "top"
    """A part of its own, before all others."""
    PART = "part"
    """A part of its own."""


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How the user wants text.

    Attributes:
        link_layer: Show it (``-e``).
        multi_line: Parts are on lines of their own.
    """

    link_layer: bool = False
    multi_line: bool = True


@dataclass(frozen=True, slots=True)
class Formatter:
    """Text of a section.

    Attributes:
        section: The section class.
        format: Gives the text without indentation; nothing means no text.
        place: Where it goes.
        after: Public names of the sections whose text comes before.
        unless: Public names of the sections whose text, in an event that has one, stands for this one, too.
        beside: Public name of a section that comes right before: in an event that has it, this is on the same line.
    """

    section: type[Any]
    format: Callable[[Any, TextOptions], str]
    place: Place = Place.PART
    after: tuple[str, ...] = ()
    unless: tuple[str, ...] = ()
    beside: str = ""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """How events of older files become what they would be today. Names are paths in the JSON of an event: ``a.b``.

    Attributes:
        before: Version of Retis whose files have it today's way: 1.6 as ``(1, 6)``.
        moves: (from, to): what is there is moved, in this order. What it was in goes if nothing is left in it.
        adds: (name, value): is added where it is missing, if what it belongs in is there.
    """

    before: tuple[int, int]
    moves: tuple[tuple[str, str], ...] = ()
    adds: tuple[tuple[str, Any], ...] = ()


class JoinRole(Enum):
    """What an event does about the journey that a key stands for."""

    OPEN = "open"
    """The key stands for the event's journey from now on. Of an event of no packet, it stands for none any more."""
    JOIN = "join"
    """The event is of the journey that the key stands for, whatever its identity says."""
    ADOPT = "adopt"
    """The same, and from now on so are all events of its identity, if it has one."""
    CLOSE = "close"
    """The key stands for nothing any more."""


@dataclass(frozen=True, slots=True)
class Join:
    """How events come into a packet's journey that do not have its identity: by what they have in common with others.

    An event takes part if it has the section and all fields of the key. Of several joins of an event, those that find
    a journey come first, in the order in which they are declared, and the first journey that is found counts; then
    keys are opened, and at last closed. Where no journey is found, the event is of the one that its identity says, or
    of none, and is marked.

    Attributes:
        section: Section class, one of the collector's.
        space: Name of what the key is a key of. Keys of different spaces, and of different collectors, are different.
        key: Fields, as paths: ``"number"`` of the section, ``"upcall.cpu"`` of a group in it, ``"header.timestamp"``,
            ``"header.cpu"``, ``"header.pid"`` or ``"header.tgid"``. Numbers or characters.
        role: What the event does about it.
    """

    section: type[Any]
    space: str
    key: tuple[str, ...]
    role: JoinRole


@dataclass(frozen=True, slots=True)
class Change:
    """Something that is changed on the machine for the time of a run, as commands: so that others can undo it, too.

    Attributes:
        what: What there is then, in messages: ``table inet tracer_17 of nftables``. No other run has one of that name.
        do: Program and arguments that make it: all of it, or nothing if they fail.
        undo: Those that take it back; they succeed if there is nothing to take back.
    """

    what: str
    do: tuple[str, ...]
    undo: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Options of a collector without any."""


@dataclass(frozen=True, slots=True)
class CollectorSpec:
    """Who a collector is.

    Attributes:
        name: Entry-point name, ``[a-z][a-z0-9_]*``.
        summary: One sentence.
        api: Contract it was written for.
        options: Frozen dataclass, a field per option.
        sections: Section classes it may add to events; those of the core included.
        after: Collectors whose fragments run before its own.
        identity: Section class, one of those, that says which packet an event is of. Its fields are ``orig_head``,
            ``timestamp`` and ``skb``; the first two are the same in all events of a packet and of no other.
        joins: How events are put together that do not have one identity.
    """

    name: str
    summary: str
    api: tuple[int, int] = API_VERSION
    options: type[Any] = NoOptions
    sections: tuple[type[Any], ...] = ()
    after: tuple[str, ...] = ()
    identity: type[Any] | None = None
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a collector cannot run on this kernel.

    Attributes:
        reason: One sentence.
        hint: What the user can do.
    """

    reason: str
    hint: str = ""
