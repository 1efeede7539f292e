"""What is known of rules, put to the events that have them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tracer_core.api import Columns
    from tracer_nft.listing import RuleKey, Rules

    Integers = np.ndarray[Any, np.dtype[np.int64]]

KNOWN, GONE, UNREAD = range(3)
"""What ``state`` says of a rule's text."""


class RuleTexts:
    """The texts of rules, by namespace: those that were there at any reading, since handles are not used again.

    One thread looks up while another adds, and neither waits: what is known of a namespace is replaced as a whole.
    """

    def __init__(self) -> None:
        self._known: dict[int, Mapping[RuleKey, str | None]] = {}

    def decode(self, columns: Columns) -> Columns:
        """Fill in ``state`` and ``text``. Every rule is looked up once per batch."""
        distinct, which = _distinct(columns)
        found = [self._find(netns, (table, handle)) for netns, table, handle in distinct.tolist()]
        states = np.array([state for state, _ in found], np.uint8)
        texts = np.array([text for _, text in found], dtype=object)
        return {**columns, "state": states[which], "text": texts[which].tolist()}

    def unknown(self, columns: Columns) -> Iterator[tuple[int, RuleKey]]:
        """The rules in these columns of which nothing is known, each once: the namespace, and which one there."""
        distinct, _ = _distinct(columns)
        for netns, table, handle in distinct.tolist():
            if (table, handle) not in self._known.get(netns, {}):
                yield netns, (table, handle)

    def add(self, netns: int, rules: Rules, asked: Iterable[RuleKey] = ()) -> None:
        """Add what a namespace was found to have.

        Args:
            netns: Its inode number.
            rules: All that it has.
            asked: Rules that events had before it was looked at: those that it does not have are gone.
        """
        self._known[netns] = {**dict.fromkeys(asked), **self._known.get(netns, {}), **rules}

    def _find(self, netns: int, rule: RuleKey) -> tuple[int, str]:
        known = self._known.get(netns, {})
        if rule not in known:
            return UNREAD, ""
        text = known[rule]
        return (GONE, "") if text is None else (KNOWN, text)


def _distinct(columns: Columns) -> tuple[Integers, Integers]:
    """Rows of namespace, table and rule, each that is like none before, and which of these each row is like."""
    places = [np.asarray(columns[name], np.int64) for name in ("netns", "table_handle", "handle")]
    keys = np.zeros(len(places[0]), np.int64)
    for column in places:  # ten times quicker than by rows
        values, numbers = np.unique(column, return_inverse=True)
        keys = keys * len(values) + numbers
    _, first, which = np.unique(keys, return_index=True, return_inverse=True)
    return np.stack([column[first] for column in places], axis=1), which
