"""Which namespaces are read, and when: rules without a clock, a program or a thread."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tracer_nft.listing import RuleKey

_REST: Final = 1.0  # seconds from one reading of a namespace to the next, at least
_RESTS: Final = 4  # times as long as reading took: of a processor at most a fifth is spent on it


class Schedule:
    """A namespace is read when a rule of it is asked for, and then not for a while.

    Times are in seconds of any clock, and never go back.
    """

    def __init__(self) -> None:
        self._asked: defaultdict[int, set[RuleKey]] = defaultdict(set)
        self._due: dict[int, float] = {}

    def ask(self, netns: int, rule: RuleKey) -> None:
        """A rule of that namespace is wanted."""
        self._asked[netns].add(rule)

    def wait(self, now: float) -> float | None:
        """Seconds until a namespace may be read; nothing if none is wanted."""
        return min((max(0.0, self._when(netns) - now) for netns in self._asked), default=None)

    def next(self, now: float) -> tuple[int, set[RuleKey]] | None:
        """The namespace that is to be read now, and the rules that are wanted of it. Those are asked for no more."""
        netns = next((netns for netns in self._asked if self._when(netns) <= now), None)
        return None if netns is None else (netns, self._asked.pop(netns))

    def was_read(self, netns: int, began: float, ended: float) -> None:
        """A namespace was read, whatever came of it."""
        self._due[netns] = ended + max(_REST, (ended - began) * _RESTS)

    def _when(self, netns: int) -> float:
        return self._due.get(netns, float("-inf"))
