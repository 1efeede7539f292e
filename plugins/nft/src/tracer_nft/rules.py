"""The text of rules, read when an event has a rule that is not known, and not too often."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tracer_nft.listing import list_rules

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.api import Columns
    from tracer_nft.listing import Rules

    Integers = np.ndarray[Any, np.dtype[np.int64]]

KNOWN, GONE, UNREAD = range(3)
"""What ``state`` says of a rule's text."""

_REST: Final = 1.0  # seconds from one reading of a namespace to the next, at least
_SHARE: Final = 20  # of our time at most one part in so many is spent reading


def _distinct(columns: list[Integers]) -> tuple[Integers, Integers]:
    """Of rows of numbers, where each is that is like none before, and which of these each is like."""
    keys = np.zeros(len(columns[0]), np.int64)
    for column in columns:  # ten times quicker than by rows
        values, places = np.unique(column, return_inverse=True)
        keys = keys * len(values) + places
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return first, which


@dataclass
class _Reading:
    """What is known of a namespace: rules that were there at any reading, since handles are not used again.

    Attributes:
        known: They.
        next: When it may be read again.
    """

    known: Rules = field(default_factory=dict)
    next: float = 0.0


class RuleTexts:
    """Puts texts to rules.

    Args:
        read: Gives the rules of a namespace, by its inode number.
        clock: Seconds.
    """

    def __init__(
        self, read: Callable[[int], Rules | None] = list_rules, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._read = read
        self._clock = clock
        self._readings: dict[int, _Reading] = {}

    def decode(self, columns: Columns) -> Columns:
        """Fill in ``state`` and ``text``. Every rule is looked up once per batch."""
        places = [np.asarray(columns[name], np.int64) for name in ("netns", "table_handle", "handle")]
        first, which = _distinct(places)
        distinct = np.stack([column[first] for column in places], axis=1)
        fresh = {netns for netns in np.unique(distinct[:, 0]).tolist() if self._refresh(netns, distinct)}
        found = [self._find(netns, (table, handle), netns in fresh) for netns, table, handle in distinct.tolist()]
        states = np.array([state for state, _ in found], np.uint8)
        texts = np.array([text for _, text in found], dtype=object)
        return {**columns, "state": states[which], "text": texts[which].tolist()}

    def _refresh(self, netns: int, places: Integers) -> bool:
        """Read the rules of a namespace if some of these are not known, and it may be read again; whether it was."""
        reading = self._readings.setdefault(netns, _Reading())
        rules = places[places[:, 0] == netns, 1:].tolist()
        began = self._clock()
        if began < reading.next or all((table, handle) in reading.known for table, handle in rules):
            return False
        current = self._read(netns)
        now = self._clock()
        reading.next = now + max(_REST, (now - began) * _SHARE)
        reading.known |= current or {}
        return current is not None

    def _find(self, netns: int, rule: tuple[int, int], fresh: bool) -> tuple[int, str]:
        known = self._readings[netns].known
        if rule in known:
            return KNOWN, known[rule]
        return (GONE if fresh else UNREAD), ""  # without a fresh look, it may be newer than what is known
