"""Rules as ``nft`` lists them, and what becomes of it when it does not: with an ``nft`` that is made up."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plugins.nft.tests.fake_nft import FakeNft

from tracer_nft import listing
from tracer_nft.listing import ListingError, RuleLister, own_namespace, parse

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.fixture
def nft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNft:
    return FakeNft(tmp_path, monkeypatch)


def test_what_nft_lists_is_read(nft: FakeNft) -> None:
    nft.lists(LISTING)
    assert RuleLister().rules(0) == RuleLister().rules(own_namespace()) == parse(LISTING)
    assert nft.calls == ["--stateless --handle list ruleset"] * 2


def test_a_namespace_that_is_not_there_any_more_has_no_rules_to_tell(nft: FakeNft) -> None:
    assert RuleLister().rules(1) is None
    assert nft.calls == []


def test_nft_that_refuses_says_why(nft: FakeNft) -> None:
    nft.fails("netlink: Error: cache initialization failed: Operation not permitted\nand more")
    with pytest.raises(
        ListingError, match=r"^nft: netlink: Error: cache initialization failed: Operation not permitted$"
    ):
        RuleLister().rules(0)
    nft.fails("")
    with pytest.raises(ListingError, match=r"^nft: exit status 1$"):
        RuleLister().rules(0)


def test_nft_that_is_missing_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ListingError, match=r"^nft: No such file or directory$"):
        RuleLister().rules(0)


def test_nft_that_does_not_answer_is_given_up(nft: FakeNft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "_PATIENCE", 0.1)
    nft.hold()
    with pytest.raises(ListingError, match=r"^nft does not answer within 0\.1 s$"):
        RuleLister().rules(0)


def test_stopping_ends_nft_at_once_and_lets_no_other_begin(nft: FakeNft) -> None:
    nft.hold()
    lister, failures = RuleLister(), []

    def read() -> None:
        with pytest.raises(ListingError) as failure:
            lister.rules(0)
        failures.append(failure)

    thread = threading.Thread(target=read)
    thread.start()
    nft.wait_for_calls(1)
    lister.stop()
    thread.join(4)  # less than nft is given
    assert len(failures) == 1
    with pytest.raises(ListingError, match="stopped"):
        lister.rules(0)
    assert len(nft.calls) == 1
