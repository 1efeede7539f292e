"""Conditions on which an entry of a profile is meant."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from tracer_core.plan.places import locate
from tracer_core.plan.request import Fixed
from tracer_core.types import Probe, ProbeKind

if TYPE_CHECKING:
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.profiles.versions import Comparison

_SYMBOL = re.compile(r"[A-Za-z_]\w*|\w+:\w+", re.ASCII)


class Condition(Protocol):
    """Something that holds on a kernel, or does not. Its text is for messages."""

    def holds(self, kernel: TypedKernel) -> bool:
        """Whether it does."""


@dataclass(frozen=True, slots=True)
class VersionCondition:
    """The kernel is of some version.

    Attributes:
        text: As it is written.
        comparisons: All of which must hold.
    """

    text: str
    comparisons: tuple[Comparison, ...]

    def holds(self, kernel: TypedKernel) -> bool:
        """See :class:`Condition`. Here, the release decides: whoever wrote the profile wants it so."""
        return all(comparison.holds(kernel.release) for comparison in self.comparisons)

    def __str__(self) -> str:
        return f"kernel version {self.text}"


@dataclass(frozen=True, slots=True)
class SymbolCondition:
    """The kernel has something that can be probed, or has not.

    Attributes:
        name: A function, or ``group:name`` of a tracepoint.
        exists: Whether it must be there, or must not.
    """

    name: str
    exists: bool = True

    def holds(self, kernel: TypedKernel) -> bool:
        """See :class:`Condition`."""
        kind = ProbeKind.RAW_TRACEPOINT if ":" in self.name else ProbeKind.FUNCTION
        return any(locate(Probe(kind, self.name, optional=True), Fixed(), kernel)) is self.exists

    def __str__(self) -> str:
        return f"{self.name} {'exists' if self.exists else 'does not exist'}"


def is_symbol(name: str) -> bool:
    """Whether something can be the name of a function or tracepoint."""
    return _SYMBOL.fullmatch(name) is not None
