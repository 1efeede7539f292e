"""The text of what an skb says beside its bytes, compared with what the PyPI `retis` library prints for the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from plugins.skb.tests.oracle import retis_texts

from tracer_skb.sections import DataRef, Gso, Meta, Skb, VlanAccel
from tracer_skb.text.metadata import format_skb

if TYPE_CHECKING:
    from pathlib import Path


def number(bits: int) -> st.SearchStrategy[int]:
    return st.sampled_from([0, 1, (1 << bits) - 1]) | st.integers(0, (1 << bits) - 1)


skbs = st.builds(
    Skb,
    vlan_accel=st.none() | st.builds(VlanAccel, number(16), number(12), number(3), st.booleans()),
    meta=st.none() | st.builds(Meta, *[number(32)] * 5, ip_summed=st.integers(0, 4), csum_level=st.integers(0, 3)),
    data_ref=st.none() | st.builds(DataRef, st.booleans(), st.booleans(), st.integers(0, 3), number(8), number(8)),
    gso=st.none() | st.builds(Gso, *[number(32)] * 3, number(8), number(8)),
)


def as_json(skb: Skb) -> dict[str, Any]:
    return {name: part._asdict() for name, part in skb._asdict().items() if part is not None}


@settings(
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.lists(skbs.filter(lambda skb: any(skb[1:])), min_size=1, max_size=20))
def test_skbs_in_any_state_have_the_text_of_retis(tmp_path: Path, found: list[Skb]) -> None:
    events: list[dict[str, object]] = [{"common": {"timestamp": 1}, "skb": as_json(skb)} for skb in found]
    assert retis_texts(tmp_path / "events.json", events) == [format_skb(skb, link_layer=False) for skb in found]
