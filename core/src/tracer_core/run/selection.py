"""Which collectors a run has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.plugins.host import Collector


@dataclass(frozen=True, slots=True)
class Selection:
    """The collectors of a run.

    Attributes:
        named: Those the user asked for by name; they must be able to run.
        automatic: Those taken in because they are there; they are left out if they cannot run.
        options: Values of options by collector.
    """

    named: tuple[Collector, ...]
    automatic: tuple[Collector, ...]
    options: Mapping[str, Any]
