"""The texts of rules as events get them, from what was read so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracer_nft.rules import GONE, KNOWN, UNREAD, RuleTexts

Place = tuple[int, int, int]


def columns(*places: Place) -> dict[str, Any]:
    """What is recorded of rules, each (namespace, table, rule)."""
    netns, tables, handles = (np.array(column, np.int64) for column in zip(*places, strict=True))
    return {"netns": netns, "table_handle": tables, "handle": handles, "state": netns, "text": netns}


def look(texts: RuleTexts, *places: Place) -> list[tuple[int, str]]:
    """State and text of rules in one batch."""
    raw = columns(*places)
    found = texts.decode(raw)
    assert list(found) == list(raw)
    return list(zip(np.asarray(found["state"]).tolist(), found["text"], strict=True))


def test_rules_of_which_nothing_was_read_are_unread() -> None:
    assert look(RuleTexts(), (5, 1, 6), (5, 1, 7)) == [(UNREAD, ""), (UNREAD, "")]


def test_each_namespace_has_rules_of_its_own() -> None:
    texts = RuleTexts()
    texts.add(5, {(1, 6): "drop", (1, 7): "return"})
    texts.add(6, {(1, 6): "accept"})
    assert look(texts, (5, 1, 6), (6, 1, 6), (6, 1, 7), (5, 1, 6)) == [
        (KNOWN, "drop"),
        (KNOWN, "accept"),
        (UNREAD, ""),
        (KNOWN, "drop"),
    ]


def test_a_rule_that_was_seen_once_keeps_its_text() -> None:
    texts = RuleTexts()
    texts.add(5, {(1, 6): "drop"})
    texts.add(5, {(1, 7): "accept"}, [(1, 6)])
    assert look(texts, (5, 1, 6), (5, 1, 7)) == [(KNOWN, "drop"), (KNOWN, "accept")]


def test_only_a_rule_that_was_asked_for_before_a_reading_is_gone_if_that_does_not_have_it() -> None:
    texts = RuleTexts()
    texts.add(5, {(1, 6): "drop"}, [(1, 9)])
    # one that nobody asked for may be newer than what was read
    assert look(texts, (5, 1, 9), (5, 1, 10), (6, 1, 9)) == [(GONE, ""), (UNREAD, ""), (UNREAD, "")]
    assert list(texts.unknown(columns((5, 1, 9), (5, 1, 10), (5, 1, 6)))) == [(5, (1, 10))]


# handles go up to 2**42, include/net/netfilter/nf_tables.h; numbers of namespaces are unsigned
few = st.sampled_from([0, 1, 2, 2**31, 2**32 - 1])
places = st.tuples(few, few | st.just(2**42 - 1), few | st.just(2**42 - 1))


@given(read=st.dictionaries(places, st.text()), seen=st.lists(places, min_size=1))
def test_every_rule_gets_its_own_text_whatever_else_is_in_the_batch(read: dict[Place, str], seen: list[Place]) -> None:
    texts = RuleTexts()
    for (netns, table, handle), text in read.items():
        texts.add(netns, {(table, handle): text})
    assert look(texts, *seen) == [(KNOWN, read[place]) if place in read else (UNREAD, "") for place in seen]
    unknown = [(netns, *rule) for netns, rule in texts.unknown(columns(*seen))]
    assert sorted(unknown) == sorted(set(seen) - read.keys())
