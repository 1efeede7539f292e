"""Which entry of a profile counts on which kernel."""

from __future__ import annotations

import pytest

from tracer_core.kernel.base import BtfKernel
from tracer_core.profiles.choose import choose
from tracer_core.profiles.conditions import SymbolCondition
from tracer_core.profiles.read import read
from tracer_core.testing.kernels import recorded_kernel

PROFILE = """\
version: "1.0"
name: mine
collect:
  - name: newest
    when: [{type: version, version: ">=6.12.100"}, {type: symbol, name: nf_tables_no_such, exists: false}]
    args: {}
  - name: with reasons
    when: [{type: symbol, name: "skb:kfree_skb"}, {type: version, version: ">=6, <6.12"}]
    args: {}
  - name: any
    args: {}
"""
(MINE,) = read(PROFILE.encode(), "mine.yaml").profiles


@pytest.mark.parametrize(
    ("name", "exists"),
    [
        ("skb:kfree_skb", True),
        ("net:netif_receive_skb", True),
        ("ip_rcv", True),
        ("skb:no_such", False),
        ("no_such", False),
        ("netif_receive_skb:net", False),
    ],
)
def test_a_symbol_exists_where_it_can_be_probed(kernel: BtfKernel, name: str, exists: bool) -> None:
    assert SymbolCondition(name).holds(kernel) is exists
    assert SymbolCondition(name, exists=False).holds(kernel) is not exists


@pytest.mark.parametrize(("name", "entry"), [("5.10", "any"), ("6.1", "with reasons"), ("6.12", "newest")])
def test_the_first_entry_whose_conditions_all_hold_counts(name: str, entry: str) -> None:
    chosen = choose(MINE, "collect", lambda: recorded_kernel(name))
    assert chosen is not None
    assert (chosen.entry.name, str(chosen)) == (entry, f"mine: {entry}")


def test_there_may_be_none() -> None:
    assert choose(MINE, "pcap", lambda: recorded_kernel("6.12")) is None


def test_without_conditions_no_kernel_is_looked_at() -> None:
    (profile,) = read(b'version: "1.0"\nname: mine\npcap: [{args: {}}]\n', "mine.yaml").profiles
    chosen = choose(profile, "pcap", lambda: pytest.fail("it is"))
    assert str(chosen) == "mine"
