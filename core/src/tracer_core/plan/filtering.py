"""What of the filters can be asked at a place, and whether anything there can match."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.filters.metadata.condition import NEVER
from tracer_core.filters.metadata.roots import Passed
from tracer_core.plan.places import MAX_ARGUMENTS

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracer_core.filters.metadata.condition import Condition
    from tracer_core.filters.metadata.place import Placer
    from tracer_core.plan.places import Place


@dataclass(frozen=True, slots=True)
class Asked:
    """What a program asks before its fragments run.

    Attributes:
        packet: The packet filter.
        condition: This of metadata; nothing if nothing.
        can_match: Something there can match; otherwise only what always runs does.
    """

    packet: bool = False
    condition: Condition | None = None
    can_match: bool = True


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a run.

    Attributes:
        packet: There is a packet filter.
        metadata: That of metadata; nothing if there is none.
    """

    packet: bool = False
    metadata: Placer | None = None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.packet or self.metadata is not None

    def at(self, place: Place, known: Collection[str], *, has_packet: bool) -> Asked:
        """What is asked at a place.

        Args:
            place: Where.
            known: C types of arguments and getters' results there.
            has_packet: One may be followed there.

        Raises:
            UsageError: a filter does not fit what is there.
        """
        if not self.any:
            return Asked()
        condition = self._condition(place, known)
        if has_packet:  # one that is followed already matches anyway
            return Asked(self.packet, condition)
        if self.packet or condition == NEVER:
            return Asked(can_match=False)
        return Asked(condition=condition)

    def _condition(self, place: Place, known: Collection[str]) -> Condition | None:
        if self.metadata is None:
            return None
        kind, prototype = place.probe.kind, place.prototype
        registers = MAX_ARGUMENTS if kind.breaks else len(prototype.params)
        return self.metadata.at(Passed(prototype, known, registers, kind.returns), tolerant=place.probe.optional)
