"""What one selected collector handed over, with whose it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracer_core.types import CollectorSpec, Decoder, Formatter, Fragment, Getter, Probe

BUG = "this is a bug of the collector; leave it out of -c"
"""What to do about a collector that does what it must not."""


def shown(name: str) -> str:
    """A collector's name as users read and write it; in code it has a ``_`` instead of a ``-``."""
    return name.replace("_", "-")


@dataclass(frozen=True, slots=True)
class Owner:
    """A collector with the distribution that brings it, as messages name it.

    Attributes:
        name: Of the collector.
        distribution: Its distribution, empty if it is not installed as one.
        version: Of the distribution.
    """

    name: str
    distribution: str = ""
    version: str = ""

    def __str__(self) -> str:
        origin = f" ({self.distribution} {self.version})" if self.distribution else ""
        return f"collector {shown(self.name)}{origin}"


@dataclass(frozen=True, slots=True)
class Declaration:
    """Everything a collector declared for this kernel and these options."""

    owner: Owner
    spec: CollectorSpec
    options: Any
    probes: tuple[Probe, ...] = ()
    fragments: tuple[Fragment, ...] = ()
    getters: tuple[Getter, ...] = ()
    decoders: tuple[Decoder, ...] = ()
    formatters: tuple[Formatter, ...] = ()
