"""What programs do so that packets are followed: by their data (ADR 0016), by stacks that run for them (ADR 0024)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class Sight(Enum):
    """What a program does about the packet it meets, where packets are tracked."""

    FIRST = "tracks"
    """It is followed from here on, if it was not before."""
    LATER = "looks it up"
    """Its data may be gone, so only what is known of it counts."""


class Role(Enum):
    """What a program does where packets end, or their data moves, after its fragments."""

    FREES = "data is freed"
    """The first argument's."""
    FREES_STOLEN = "data is freed if it was stolen"
    """The first argument's, if the second says that its data is now another's."""
    FREES_MEMORY = "memory is freed"
    """At the address in the second argument; it may be a packet's data."""
    FREES_FRAGMENT = "a page fragment is freed"
    """At the address in the first argument; it may be a packet's data."""
    REUSES = "data is used again"
    """The second argument's, for another packet."""
    RELEASES = "data is released"
    """The first argument's, which is freed if no clone has it."""
    NOTES = "data will move"
    """The first argument's, perhaps; its program at the return does the rest."""
    MOVES = "data has moved"
    """The first argument's, if the result is 0."""
    CLOSES = "a window closes"
    """The function returns; what is called from now on is not called by it."""


@dataclass(frozen=True, slots=True)
class OnStack:
    """What a program has to do with the packet that its kernel stack runs for, beside its own.

    A place with a packet tells the stack of it; one without inherits what the stack was told.

    Attributes:
        inherits: It has no packet.
        opens: Of what the function calls, its own packet is what counts, until it returns.
        gated: Where nothing is inherited, filters are not passed.
    """

    inherits: bool
    opens: bool = False
    gated: bool = False

    def describe(self) -> Iterator[str]:
        """Lines for ``--dry-run``."""
        yield "the packet is the stack's" if self.inherits else "tells which packet it runs for"
        if self.opens:
            yield "opens a window until the function returns"


@dataclass(frozen=True, slots=True)
class StackPlace:
    """Where kernel stacks are.

    Attributes:
        task_stack: Bytes in front of ``stack`` in ``struct task_struct``.
        thread_size: Bytes of a task's kernel stack, and at least those of any other.
    """

    task_stack: int
    thread_size: int


@dataclass(frozen=True, slots=True)
class Stacks:
    """How kernel stacks are known to run for a packet.

    Attributes:
        windows: While some function runs for it (``/ftrace``).
        follow: After it was met there (``--follow-stack``).
    """

    windows: bool
    follow: bool
