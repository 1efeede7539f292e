"""Which collectors a run has."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.plugins.host import Collector

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Selection:
    """The collectors of a run.

    Attributes:
        named: Those the user asked for by name; they must be able to run.
        automatic: Those taken in because they are there; they are left out if they cannot run.
        options: Values of options by collector.
        wished: Names of those among the automatic ones that a profile asks for, or of which an option is given: it is
            told if they cannot run.
    """

    named: tuple[Collector, ...]
    automatic: tuple[Collector, ...]
    options: Mapping[str, Any]
    wished: frozenset[str] = frozenset()

    def left_out(self, collector: Collector, reason: str) -> None:
        """Say that one of the automatic ones cannot run."""
        level = logging.WARNING if collector.owner.name in self.wished else logging.DEBUG
        log.log(level, "Cannot run %s: %s", collector.owner, reason)
