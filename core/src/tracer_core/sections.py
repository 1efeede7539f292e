"""The sections that the core itself knows, and the event they make up together with those of collectors."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

from tracer_core.wire import S64, U8, U32, U64, Blob, Chars, layout_of, section

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound=tuple[Any, ...])

PACKET_CAPTURE_MAX = 255
"""Bytes of a packet that an event holds, link layer included."""

STACK_FRAMES_MAX = 127
"""Calls that an event can hold: ``PERF_MAX_STACK_DEPTH``, the kernel's own limit."""


@section("header")
class Header(NamedTuple):
    """What every record begins with. In files and text it appears as ``common`` and ``kernel``."""

    timestamp: U64
    """ns of ``CLOCK_MONOTONIC`` when the probe was entered."""
    present: U64
    """Which sections follow, and how many steps of their variable parts."""
    lost: U64
    """Events that this CPU could not write, so far."""
    pid: U32 | None
    """Process: the upper half of ``bpf_get_current_pid_tgid()``."""
    tgid: U32 | None
    """Thread: the lower half. The names are those of the event format that tools read."""
    cpu: U32 | None
    """CPU that ran the probe."""
    probe: U32
    """Index of the probe in the plan."""
    comm: Annotated[bytes, Chars(16)] | None
    """Name of the task that was current, which in interrupts is not the packet's."""


@section("packet")
class Packet(NamedTuple):
    """The bytes of a packet from its link layer on, real or made up (all-zero addresses)."""

    len: U32
    """Bytes of the whole packet from the first captured one on."""
    capture_len: U32
    """Bytes captured."""
    data: Annotated[bytes, Blob(PACKET_CAPTURE_MAX, "capture_len")]
    """The captured bytes, network order."""


@section("return")
class Return(NamedTuple):
    """What a function gave back, and how long that took: on events at returns."""

    entered: U64
    """ns of ``CLOCK_MONOTONIC`` when the function was entered."""
    duration: U64
    """ns from then to the event."""
    value: S64
    """Its result, widened as its type demands; the bits of a pointer; 0 if there is none."""
    form: U8
    """How to read it: 0 no result, 1 signed, 2 unsigned, 3 a pointer (``ResultForm``)."""


@section("stack")
class Stack(NamedTuple):
    """The calls by which the kernel got to a probe, the innermost first."""

    size: U32
    """Bytes of the addresses below."""
    frames: Annotated[tuple[str, ...], Blob(STACK_FRAMES_MAX * 8, "size")]
    """``symbol+0xoffset``, or ``0xaddress`` where the kernel knows no symbol."""


class TrackedSkb(NamedTuple):
    """Which packet a series is of: as in the first of its events."""

    orig_head: U64
    """Address of the packet's data (``skb->head``) when it was first seen."""
    timestamp: U64
    """ns of ``CLOCK_MONOTONIC`` when it was first seen."""
    skb: U64
    """Address of the ``struct sk_buff``."""


@section("tracking")
class Tracking(NamedTuple):
    """Which series an event is of: in sorted files."""

    idx: U32
    """Its number in the series, from 0."""
    lost: U64 | None
    """Events, of any packet, that CPUs lost between the one before in the series and this one: some may be missing."""
    skb: TrackedSkb | None
    """The packet."""


SPACE_MAX = 64
"""Characters of what :class:`Unjoined` names."""


@section("unjoined")
class Unjoined(NamedTuple):
    """The event belongs to a journey that was not found: in sorted files."""

    key: Annotated[bytes, Chars(SPACE_MAX)]
    """By what it was looked for, ``<collector>.<key space>``: what says whose that is was lost, or is of no packet."""


@section("tracked-data")
class TrackedData(NamedTuple):
    """In how many more places the data of a packet is. Such records are for who sorts while events come: no events."""

    orig_head: U64
    """Address of the packet's data when it was first seen."""
    timestamp: U64
    """ns of ``CLOCK_MONOTONIC`` when it was first seen."""
    more: S64
    """1 if it may be copied, -1 if it was not, or a copy of it was freed."""


@dataclass(frozen=True, slots=True)
class ProbeInfo:
    """Where an event was taken.

    Attributes:
        symbol: ``group:name`` of a tracepoint, ``provider:name`` of a USDT probe, or a function.
        kind: As in files: ``raw_tracepoint``.
        label: As in text: ``tp``.
        path: Of the file, by the name it has for the process, if it is in one.
        ip: Its address in the process, where a file says it.
    """

    symbol: str
    kind: str
    label: str
    path: str = ""
    ip: int = 0


class Event(NamedTuple):
    """One decoded event."""

    header: Header
    """Common data."""
    probe: ProbeInfo
    """Where it was taken."""
    sections: Mapping[str, tuple[Any, ...]] = MappingProxyType({})
    """Decoded sections by public name."""

    def get(self, cls: type[S]) -> S | None:
        """The section of that class, if the event has it."""
        found = self.sections.get(layout_of(cls).name)
        return found if isinstance(found, cls) else None
