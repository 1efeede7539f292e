"""The sections that the core itself knows, and the event they make up together with those of collectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, TypeVar

from tracer_core.wire import U32, U64, Blob, Chars, layout_of, section

if TYPE_CHECKING:
    from collections.abc import Mapping

S = TypeVar("S", bound=tuple[Any, ...])

PACKET_CAPTURE_MAX = 255
"""Bytes of a packet that an event holds, link layer included."""


@section("header")
class Header(NamedTuple):
    """What every record begins with. In files and text it appears as ``common`` and ``kernel``."""

    timestamp: U64
    """ns of ``CLOCK_MONOTONIC`` when the probe was entered."""
    present: U64
    """Which sections follow, and how many steps of their variable parts."""
    lost: U64
    """Events that this CPU could not write, so far."""
    pid: U32
    """Process: the upper half of ``bpf_get_current_pid_tgid()``."""
    tgid: U32
    """Thread: the lower half. The names are those of the event format that tools read."""
    cpu: U32
    """CPU that ran the probe."""
    probe: U32
    """Index of the probe in the plan."""
    comm: Annotated[bytes, Chars(16)]
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


@dataclass(frozen=True, slots=True)
class ProbeInfo:
    """Where an event was taken.

    Attributes:
        symbol: ``group:name`` of a tracepoint, or a function.
        kind: As in files: ``raw_tracepoint``.
        label: As in text: ``tp``.
    """

    symbol: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Event:
    """One decoded event.

    Attributes:
        header: Common data.
        probe: Where it was taken.
        sections: Decoded sections by public name.
    """

    header: Header
    probe: ProbeInfo
    sections: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)

    def get(self, cls: type[S]) -> S | None:
        """The section of that class, if the event has it."""
        found = self.sections.get(layout_of(cls).name)
        return found if isinstance(found, cls) else None
