"""The text of rules: from a listing of ``nft``, and when it is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_nft.listing import Rules, parse
from tracer_nft.rules import GONE, KNOWN, UNREAD, RuleTexts

LISTING = """\
table inet filter { # handle 1
    counter accepted { # handle 3
    }

    set s { # handle 4
        type ipv4_addr
        elements = { 1.2.3.4, 1.2.3.5,
                1.2.3.6 }
    }

    chain sub { # handle 1
        tcp dport { 1, 2, 3 } drop # handle 6
        return # handle 7
    }

    chain input { # handle 2
        comment "x { # handle 9"
        type filter hook input priority filter; policy drop;
        udp dport 7001 counter name "accepted" accept comment "hey # handle 5" # handle 8
        tcp dport vmap { 22 : jump sub, 23 : goto sub } # handle 10
        log prefix "a {" # handle 13
    }
}
table ip6 other { # handle 2
    chain c { # handle 1
        type filter hook output priority filter; policy accept;
        accept # handle 6
    }
}
"""


def test_rules_are_found_by_table_and_handle() -> None:
    assert parse(LISTING) == {
        (1, 6): "tcp dport { 1, 2, 3 } drop",
        (1, 7): "return",
        (1, 8): 'udp dport 7001 counter name "accepted" accept comment "hey # handle 5"',
        (1, 10): "tcp dport vmap { 22 : jump sub, 23 : goto sub }",
        (1, 13): 'log prefix "a {"',
        (2, 6): "accept",
    }


@given(st.text(st.sampled_from('{}#" \n\tahndle1table chain')))
def test_any_listing_gives_rules_or_none(text: str) -> None:
    assert all(isinstance(rule, str) for rule in parse(text).values())


class Nft:
    """Stands for nft: its rules, and how often and how long they were read."""

    def __init__(self, takes: float = 0.0) -> None:
        self.rules: Rules | None = {}
        self.reads: list[int] = []
        self.takes = takes
        self.now = 100.0
        self.texts = RuleTexts(self.read, lambda: self.now)

    def read(self, inode: int) -> Rules | None:
        self.reads.append(inode)
        self.now += self.takes
        return None if self.rules is None else dict(self.rules)

    def look(self, *rules: tuple[int, int, int]) -> list[tuple[int, str]]:
        """State and text of rules, each (namespace, table, rule), in one batch."""
        netns, tables, handles = (np.array(column) for column in zip(*rules, strict=True))
        raw = {"netns": netns, "table_handle": tables, "handle": handles, "state": netns, "text": netns}
        found = self.texts.decode(raw)
        assert list(found) == list(raw)
        return list(zip(np.asarray(found["state"]).tolist(), found["text"], strict=True))


@pytest.fixture
def nft() -> Nft:
    return Nft()


def test_a_rule_that_is_not_known_is_read_once_for_all(nft: Nft) -> None:
    nft.rules = {(1, 6): "drop", (1, 7): "accept"}
    assert nft.look((5, 1, 6), (5, 1, 7), (5, 1, 6)) == [(KNOWN, "drop"), (KNOWN, "accept"), (KNOWN, "drop")]
    assert nft.look((5, 1, 7)) == [(KNOWN, "accept")]
    assert nft.reads == [5]


def test_each_namespace_has_rules_of_its_own(nft: Nft) -> None:
    nft.rules = {(1, 6): "drop"}
    nft.look((5, 1, 6))
    nft.rules = {(1, 6): "accept"}
    assert nft.look((5, 1, 6), (6, 1, 6)) == [(KNOWN, "drop"), (KNOWN, "accept")]
    assert nft.reads == [5, 6]


def test_a_new_rule_is_read_as_soon_as_reading_is_allowed_again(nft: Nft) -> None:
    nft.rules = {(1, 6): "drop"}
    nft.look((5, 1, 6))
    nft.rules[1, 9] = "accept"
    assert nft.look((5, 1, 9)) == [(UNREAD, "")]
    nft.now += 1.1
    assert nft.look((5, 1, 9)) == [(KNOWN, "accept")]


def test_a_rule_that_was_never_seen_and_is_not_there_is_gone(nft: Nft) -> None:
    nft.rules = {(1, 6): "drop"}
    assert nft.look((5, 1, 9), (5, 1, 6)) == [(GONE, ""), (KNOWN, "drop")]


def test_a_rule_that_was_seen_once_keeps_its_text(nft: Nft) -> None:
    nft.rules = {(1, 6): "drop"}
    nft.look((5, 1, 6))
    nft.rules = {}
    nft.now += 10
    nft.look((5, 1, 9))
    assert nft.look((5, 1, 6)) == [(KNOWN, "drop")]


def test_rules_that_cannot_be_read_are_asked_for_again_later(nft: Nft) -> None:
    nft.rules = None
    assert nft.look((5, 1, 6), (5, 1, 7)) == [(UNREAD, ""), (UNREAD, "")]
    assert nft.reads == [5]
    nft.rules = {(1, 6): "drop"}
    nft.now += 1.1
    assert nft.look((5, 1, 6)) == [(KNOWN, "drop")]


def test_rules_that_take_long_to_read_are_read_seldom() -> None:
    nft = Nft(takes=2.0)
    nft.look((5, 1, 6))
    nft.now += 30
    nft.look((5, 1, 6))
    assert nft.reads == [5]
    nft.now += 11
    nft.look((5, 1, 6))
    assert nft.reads == [5, 5]
