"""Who a collector is, why it cannot run, and what of events of others, and of older files, it knows."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

API_VERSION = (1, 1)
"""Version of the contract between core and collectors that this core has: (major, minor). A higher minor one has more,
and all that lower ones have."""

FIRST_API = (1, 0)
"""The contract of a collector that does not say which it needs, whatever the core has. This never changes."""


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
        when: (field of the section, value): only events that have it there take part; nothing for all.
    """

    section: type[Any]
    space: str
    key: tuple[str, ...]
    role: JoinRole
    when: tuple[str, str | int] | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """What sorted events are told by another event, which need not be of their journey: one that has the same key.

    Attributes:
        section: Section class, one of the collector's: whose events ask. Those take part that have all fields of the
            key, and nothing in those that are filled: no values, or empty ones.
        key: Fields of both sections.
        source: Section class, one of the collector's: whose events answer. The last one with that key counts.
        fills: Fields of both sections: what is told. In those that ask they may be missing.
    """

    section: type[Any]
    key: tuple[str, ...]
    source: type[Any]
    fills: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tally:
    """What is counted for the summary at the end of a run: how many events have each value of some fields.

    Attributes:
        section: Section class, one of the collector's, of what programs report. Events that sessions report are not
            counted.
        key: Fields of it, numbers or text. The value is theirs with ``/`` between them; what is missing is left out.
        title: What is said before it, a few words in lower case: ``dropped``.
    """

    section: type[Any]
    key: tuple[str, ...]
    title: str


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
class ProfileSource:
    """A file of profiles that a collector ships.

    Attributes:
        text: YAML, one document for each profile.
        origin: For example ``tracer_hello/profiles/hello.yaml``, which messages name.
    """

    text: str
    origin: str

    @classmethod
    def resource(cls, package: str, path: str) -> ProfileSource:
        """Read a file that a package ships, for example ``resource("tracer_hello", "profiles/hello.yaml")``."""
        from importlib.resources import files  # noqa: PLC0415 - costs 5 ms, only who looks for profiles needs it

        return cls(files(package).joinpath(path).read_text("utf-8"), f"{package}/{path}")


@dataclass(frozen=True, slots=True)
class NoOptions:
    """Options of a collector without any."""


@dataclass(frozen=True, slots=True)
class CollectorSpec:
    """Who a collector is.

    Attributes:
        name: Entry-point name, ``[a-z][a-z0-9_]*``.
        summary: One sentence.
        api: The lowest version of the contract that has all it uses. Who uses what 1.0 does not have says so; a core
            that has less refuses it.
        options: Frozen dataclass, a field per option.
        sections: Section classes it may add to events; those of the core included.
        after: Collectors whose fragments run before its own.
        identity: Section class, one of those, that says which packet an event is of. Its fields are ``orig_head``,
            ``timestamp`` and ``skb``; the first two are the same in all events of a packet and of no other.
        joins: How events are put together that do not have one identity.
        lookups: What events are told by others when they are sorted.
        tallies: What is counted for the summary at the end of a run.
    """

    name: str
    summary: str
    api: tuple[int, int] = FIRST_API
    options: type[Any] = NoOptions
    sections: tuple[type[Any], ...] = ()
    after: tuple[str, ...] = ()
    identity: type[Any] | None = None
    joins: tuple[Join, ...] = ()
    lookups: tuple[Lookup, ...] = ()
    tallies: tuple[Tally, ...] = ()


@dataclass(frozen=True, slots=True)
class Unavailable:
    """Why a collector cannot run on this kernel.

    Attributes:
        reason: One sentence.
        hint: What the user can do.
    """

    reason: str
    hint: str
