"""The result of composing: C text and what a backend must know to load and attach it. A plain value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracer_core.levels import LogLevel
    from tracer_core.plan.plan import Identity
    from tracer_core.types import ProbeKind


@dataclass(frozen=True, slots=True)
class ProgramSpec:
    """A function of the text that becomes a loaded program, and the probes it serves.

    Attributes:
        function: Its name in the text.
        entry: At returns: the function that runs at the entry.
        kind: Of the probes.
        typed: It loads members plainly, so it must be loaded with the type of what it is attached to.
        identity: How it knows by which probe it was called: one loaded program serves all, or one each.
        probes: Indices of the plan's probes.
    """

    function: str
    entry: str | None
    kind: ProbeKind
    typed: bool
    identity: Identity
    probes: tuple[int, ...]

    @property
    def functions(self) -> tuple[str, ...]:
        """What of the text it needs."""
        return (self.function, self.entry) if self.entry else (self.function,)


@dataclass(frozen=True, slots=True)
class Machine:
    """What of the machine goes into the text.

    Attributes:
        cpus: Possible CPUs.
        ring_pages: Pages of the ring buffer, a power of two.
        architecture: ``uname -m``.
    """

    cpus: int
    ring_pages: int = 8192
    architecture: str = "x86_64"


@dataclass(frozen=True, slots=True)
class Message:
    """Something that programs may say.

    Attributes:
        level: How important it is.
        owner: Collector whose code says it.
        function: In which of its functions; empty if that cannot be told.
        format: As for ``printf``.
    """

    level: LogLevel
    owner: str
    function: str
    format: str


@dataclass(frozen=True, slots=True)
class Composition:
    """A program ready to compile.

    Attributes:
        text: C.
        programs: What to load.
        cpus: Possible CPUs it was composed for.
        multi: Kprobes of one program are attached all at once.
        messages: What programs say, by number.
    """

    text: str
    programs: tuple[ProgramSpec, ...]
    cpus: int
    multi: bool = False
    messages: tuple[Message, ...] = ()


EVENTS_MAP = "tracer_events"
LOST_MAP = "tracer_lost"
UNSAID_MAP = "tracer_unsaid"
"""Only there if programs say something."""
ADDRESSES_MAP = "tracer_addresses"
ENABLED_MAP = "tracer_enabled"
PROBE_INDEX = 0x7ACE7ACE00000001
"""Constant in the compiled code in whose place the loader puts a probe's index (``runtime.bpf.h``)."""
NETNS = 0x7ACE7ACE10000000
"""The same for the inode number of the plan's first network namespace; those of others follow."""
KERNEL_FUNCTION = 0x40000000
"""Added to a function's id in the BTF of vmlinux: helper in whose place the loader puts a call of that function."""
MESSAGE_VALUES = 4
"""Most values of a message."""
MESSAGE_SHIFT = 63
"""Bit of a record's mask by which it is a message, and no event."""
MESSAGE_NOWHERE = 0xFFFFFFFF
"""In place of a probe's index in a message that is not told where it is said."""
