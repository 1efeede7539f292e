"""How many different packets there were: exactly, in bounded memory, without Python per event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tracer_core.events.batch import Numbers

    Keys = np.ndarray[Any, np.dtype[np.uint64]]

SLOTS = 1 << 20
"""Of the table: 8 MiB, of which only what is used is ever memory."""

MOST = SLOTS // 2
"""Different pairs that are counted."""

_AT_ONCE = 1 << 16  # so that what is added to a table that is not full yet always finds room
# odd, from the digits of pi and e: multiplying by them and shifting mixes all bits
_FIRST, _SECOND = np.uint64(0x243F6A8885A308D3), np.uint64(0xB7E151628AED2A6B)


class Distinct:
    """Counts different pairs of numbers.

    Pairs are told apart by 64 bits that are mixed of theirs. That two of them are the same in these happens in one of
    a hundred million runs with as many pairs as are counted.
    """

    def __init__(self) -> None:
        self._table: Keys = np.zeros(SLOTS, np.uint64)  # 0 is free
        self._at_most = 0
        self.is_full = False
        """No more are counted, since there are :data:`MOST` already."""

    @property
    def count(self) -> int:
        """Different pairs so far."""
        return int(np.count_nonzero(self._table))

    def add(self, firsts: Keys, seconds: Keys) -> None:
        """Count some pairs: equally many of both."""
        for begin in range(0, len(firsts), _AT_ONCE):
            if self.is_full:
                return
            self._insert(_once(_mixed(firsts[begin : begin + _AT_ONCE], seconds[begin : begin + _AT_ONCE])))
            if self._at_most >= MOST:  # what is twice in a batch was counted twice
                self._at_most = self.count
                self.is_full = self._at_most >= MOST

    def _insert(self, keys: Keys) -> None:
        """Put keys in the first free slots behind those that they belong in."""
        table = self._table
        slots: Numbers = (keys & np.uint64(SLOTS - 1)).view(np.int64)
        while len(keys):
            held = table.take(slots)
            others = held != keys
            keys, slots, held = keys[others], slots[others], held[others]
            free = held == 0
            filled, values = slots[free], keys[free]
            table[filled] = values  # of several for one slot, one gets it
            self._at_most += len(values)
            # whose slot has another now looks at the next one
            others = ~free
            others[free] = table.take(filled) != values
            keys, slots = keys[others], (slots[others] + 1) & (SLOTS - 1)


def numbers(column: Any) -> Keys:  # noqa: ANN401 - any column of integers
    """A column of a batch as what can be counted."""
    return np.asarray(column if isinstance(column, np.ndarray) else column.tolist(), np.uint64)


def _once(keys: Keys) -> Keys:
    """Keys without those that are the same as the one before: events of a packet come close to each other."""
    changes = np.flatnonzero(keys[1:] != keys[:-1]) + 1
    return keys if len(changes) == len(keys) - 1 else keys[np.concatenate(([0], changes))]


def _mixed(firsts: Keys, seconds: Keys) -> Keys:
    keys: Keys = firsts * _FIRST
    keys ^= keys >> np.uint64(32)
    keys += seconds
    keys *= _SECOND
    keys ^= keys >> np.uint64(29)
    keys[keys == 0] = 1
    return keys
