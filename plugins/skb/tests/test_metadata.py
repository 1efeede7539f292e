"""What is reported of an skb beside its bytes: the compiled fragments on made-up skbs, and the text."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer_core.api import Kernel
from tracer_core.testing import planned, recorded_names
from tracer_skb.plugin import SkbOptions
from tracer_skb.sections import DataRef, Gso, Meta, Skb, VlanAccel
from tracer_skb.text.metadata import format_skb

if TYPE_CHECKING:
    from collections.abc import Iterator

_HEAD, _END = 2048, 512  # where in the memory the packet buffer begins, and how long it is

Reported = tuple[Kernel, Callable[[dict[str, int], dict[str, int]], Skb | None]]


@pytest.fixture(scope="module", params=recorded_names())
def reported(request: pytest.FixtureRequest) -> Iterator[Reported]:
    """A kernel, and what the fragments say of an skb and its shared info, laid out as there."""
    options = {"skb": SkbOptions(("all",))}
    run = planned("skb", probes=["tp:net:netif_receive_skb"], options=options, kernel=request.param, typed=False)
    with run.tried() as tried:

        def report(skb: dict[str, int], shared: dict[str, int]) -> Skb | None:
            tried.clear()
            tried.fill("sk_buff", 0, {"head": tried.address(_HEAD), "data": tried.address(_HEAD), "end": _END, **skb})
            known = {name: value for name, value in shared.items() if run.kernel.member("skb_shared_info", name)}
            tried.fill("skb_shared_info", _HEAD + _END, known)
            events = tried.events(tried.address())
            return events[0].get(Skb) if events else None

        yield run.kernel, report


def number(bits: int) -> st.SearchStrategy[int]:
    return st.sampled_from([0, 1, (1 << bits) - 1]) | st.integers(0, (1 << bits) - 1)


SKB = {
    "len": 32,
    "data_len": 32,
    "hash": 32,
    "csum": 32,
    "priority": 32,
    "ip_summed": 2,
    "csum_level": 2,
    "nohdr": 1,
    "cloned": 1,
    "fclone": 2,
    "users.refs.counter": 31,
    "vlan_proto": 16,
    "vlan_tci": 16,
}
SHARED = {"dataref.counter": 31, "gso_size": 16, "gso_segs": 16, "gso_type": 32, "flags": 8, "nr_frags": 8}


def members(bits: dict[str, int]) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries({name: number(width) for name, width in bits.items()})


NOTHING: tuple[Any, Any] = (dict.fromkeys(SKB, 0), dict.fromkeys(SHARED, 0))
TAGGED = {**NOTHING[0], "vlan_proto": 0x0081, "vlan_tci": 3 << 13 | 1 << 12 | 123}


@pytest.mark.bpf
@settings(max_examples=200)
@given(members(SKB), members(SHARED))
@example(*NOTHING)
@example(TAGGED, NOTHING[1])
def test_every_member_is_reported_as_it_is(reported: Reported, skb: dict[str, int], shared: dict[str, int]) -> None:
    kernel, report = reported
    tci, proto = skb["vlan_tci"], int.from_bytes(skb["vlan_proto"].to_bytes(2, "little"), "big")
    present = {}
    tagged = bool(tci or proto)  # one word
    if kernel.member("sk_buff", "vlan_present") is not None:
        present, tagged = {"vlan_present": 1}, True
    found = report({**skb, **present}, shared)
    assert found is not None
    assert found.vlan_accel == (VlanAccel(proto, tci & 0xFFF, tci >> 13, bool(tci >> 12 & 1)) if tagged else None)
    assert found.meta == Meta(*(skb[name] for name in Meta._fields))
    users, dataref = skb["users.refs.counter"] & 0xFF, shared["dataref.counter"] & 0xFF
    assert found.data_ref == DataRef(bool(skb["nohdr"]), bool(skb["cloned"]), skb["fclone"], users, dataref)
    if kernel.member("skb_shared_info", "flags") is None:
        shared = {**shared, "flags": 0}
    segments = (shared[name] for name in ("gso_size", "gso_segs", "gso_type", "flags", "nr_frags"))
    assert found.gso == (Gso(*segments) if shared["gso_size"] else None)


@pytest.mark.parametrize(
    ("sections", "functions"),
    [
        ((), []),
        (("gso", "meta"), ["skb_meta", "skb_gso"]),
        (("dataref",), ["skb_data_ref"]),
        (("all",), ["skb_meta", "skb_data_ref", "skb_gso"]),
    ],
)
def test_only_what_was_asked_for_is_composed(sections: tuple[str, ...], functions: list[str]) -> None:
    assert SkbOptions(sections).functions == functions


META = Meta(100, 0, 0, 16 << 16 | 34, 0, 0, 0)
TAG = VlanAccel(0x8100, 10, 3, True)


@pytest.mark.parametrize(
    ("skb", "text"),
    [
        (Skb(), ""),
        (Skb(meta=META._replace(hash=0xABC)), "skb [csum none hash 0xabc len 100 priority 0]"),
        (
            Skb(meta=META._replace(ip_summed=3, hash=0xABC, data_len=3)),
            "skb [csum partial (start 34 off 16) hash 0xabc len 100 data_len 3 priority 0]",
        ),
        (Skb(meta=META._replace(ip_summed=2)), "skb [csum complete (0x100022) len 100 priority 0]"),
        (Skb(meta=META._replace(ip_summed=1, csum_level=2)), "skb [csum unnecessary (level 2) len 100 priority 0]"),
        (Skb(meta=META._replace(ip_summed=4)), "skb [csum unknown (4) len 100 priority 0]"),
        (Skb(data_ref=DataRef(True, True, 2, 1, 3)), "skb [nohdr cloned fclone 2 users 1 dataref 3]"),
        (
            Skb(meta=META, data_ref=DataRef(False, False, 0, 1, 1), gso=Gso(1448, 3, 0x11, 1, 2)),
            "skb [csum none len 100 priority 0 users 1 dataref 1] gso [type 0x11 flags 0x1 frags 2 segs 3 size 1448]",
        ),
        (Skb(gso=Gso(1448, 0, 1, 0, 0)), "gso [type 0x1 size 1448]"),
        (Skb(vlan_accel=TAG), ""),
    ],
)
def test_the_text_is_that_of_retis(skb: Skb, text: str) -> None:
    assert format_skb(skb, link_layer=False) == text


@pytest.mark.parametrize(
    ("skb", "text"),
    [
        (Skb(vlan_accel=TAG), "vlan_accel (ethertype 802.1Q (0x8100) vlan 10 p 3 DEI)"),
        (Skb(vlan_accel=VlanAccel(0x1234, 1, 0, False)), "vlan_accel (ethertype (0x1234) vlan 1 p 0)"),
        (
            Skb(vlan_accel=TAG, gso=Gso(9, 0, 1, 0, 0)),
            "vlan_accel (ethertype 802.1Q (0x8100) vlan 10 p 3 DEI) gso [type 0x1 size 9]",
        ),
    ],
)
def test_with_the_link_layer_a_tag_beside_the_data_is_shown(skb: Skb, text: str) -> None:
    assert format_skb(skb, link_layer=True) == text
