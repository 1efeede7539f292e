"""Text of steps: what the reference has, and what only we report."""

from __future__ import annotations

from typing import Any

import pytest

from tracer_core.api import TextOptions
from tracer_ovs.sections import Nat, Ovs, OvsPort, OvsUpcall
from tracer_ovs.text import ovs_text, port_text, upcall_text

UFID = (0x177746CC, 0x5E954C23, 0x8D4096D5, 0xBEE7C6EB)
LINES = TextOptions()


def ovs(event_type: str, **fields: Any) -> Ovs:  # noqa: ANN401 - of any field
    return Ovs(**{**dict.fromkeys(Ovs._fields), "event_type": event_type, **fields})


def hit(**fields: Any) -> Ovs:  # noqa: ANN401 - ditto
    known = {"flow": 0xFFFF888812345678, "sf_acts": 0xFFFF888800001111, "ufid": UFID}
    return ovs("flow_lookup", n_mask_hit=2, n_cache_hit=0, **known, **fields)


HIT = "flow hit ufid 177746cc-5e95-4c23-8d40-96d5bee7c6eb mask 2 cache 0 flow ffff888812345678 sf_acts ffff888800001111"


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (ovs("upcall", cmd=1, port=1, cpu=2), "upcall (miss) port 1 cpu 2"),
        (ovs("upcall", cmd=0, port=1, cpu=2), "upcall (unspec) port 1 cpu 2"),
        (ovs("upcall", cmd=2, port=1, cpu=2), "upcall (action) port 1 cpu 2"),
        (ovs("upcall", cmd=3, port=1, cpu=2), "upcall (exec) port 1 cpu 2"),
        (ovs("upcall", cmd=9, port=1, cpu=2), "upcall port 1 cpu 2"),
        (
            ovs("upcall_enqueue", cmd=1, port=1, upcall_ts=99, upcall_cpu=2, queue_id=77, ret=0),
            "upcall_enqueue (miss) (2/99) q 77 ret 0",
        ),
        (ovs("upcall_return", upcall_ts=99, upcall_cpu=2, ret=-22), "upcall_ret (2/99) ret -22"),
        (ovs("recv_upcall", type=0, pkt_size=98, key_size=124, queue_id=77), "upcall_recv q 77 pkt_size 98"),
        (ovs("flow_operation", op_type="put", queue_id=77, batch_ts=5, batch_idx=1), "flow_put q 77 ts 5 (1)"),
        (ovs("flow_operation", op_type="exec", queue_id=77, batch_ts=5, batch_idx=1), "flow_exec q 77 ts 5 (1)"),
        (
            ovs("action_execute", action="output", port=2, recirc_id=0x20, queue_id=5),
            "[recirc_id 0x20] exec oport 2 q 5",
        ),
        (ovs("action_execute", action=None, recirc_id=0), "exec unspec"),
        (ovs("action_execute", action="set", recirc_id=0), "exec tunnel_set"),
        (ovs("action_execute", action="set_masked", recirc_id=0), "exec set_masked"),
        (ovs("action_execute", action="recirc", id=0x22, recirc_id=0), "exec recirc 0x22"),
        (ovs("action_execute", action="drop", reason=2, recirc_id=0), "exec drop 2"),
        (
            ovs(
                "action_execute",
                action="ct",
                recirc_id=0x22,
                zone_id=20,
                flags=0x1D1,
                nat=Nat("dst", "10.244.1.3", "10.244.1.30", 36895, 36900),
            ),
            "[recirc_id 0x22] exec ct zone 20 nat(dst=10.244.1.3-10.244.1.30:36895-36900) commit",
        ),
        (
            ovs(
                "action_execute",
                action="ct",
                recirc_id=0,
                zone_id=20,
                flags=0xFB3,
                nat=Nat("src", "10.244.1.3", "10.244.1.3", 1, 1),
            ),
            "exec ct zone 20 nat(src=10.244.1.3:1) commit,force,persistent,hash,random",
        ),
        (
            ovs(
                "action_execute", action="ct", recirc_id=0, zone_id=0, flags=0x14, nat=Nat(None, None, None, None, None)
            ),
            "exec ct zone 0 nat",
        ),
        (ovs("flow_lookup", flow=0, sf_acts=0, ufid=(0,) * 4, n_mask_hit=3, n_cache_hit=0), "flow miss mask 3 cache 0"),
        (hit(), HIT),
        (
            hit(dpflow="ufid:xx, in_port(2)... actions:3", ofpflows=("cookie=0x0, table=0", "cookie=0x1, table=1")),
            f"{HIT}\nodpflow ufid:xx, in_port(2)... actions:3\n"
            "openflow\n    cookie=0x0, table=0\n    cookie=0x1, table=1",
        ),
    ],
)
def test_a_step_has_the_text_of_retis(found: Ovs, text: str) -> None:
    assert ovs_text(found, LINES) == text


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (ovs("action_execute", action="psample", recirc_id=0), "exec psample"),
        (ovs("of tomorrow"), "of tomorrow"),
    ],
)
def test_what_retis_does_not_know_has_its_name(found: Ovs, text: str) -> None:
    assert ovs_text(found, LINES) == text


@pytest.mark.parametrize(
    ("port", "text"),
    [
        (OvsPort(3, b"veth0", is_output=False), "from veth0 (3)"),
        (OvsPort(3, b"veth0", is_output=True), "to veth0"),
        (OvsPort(3, b"", is_output=True), "to unknown"),
    ],
)
def test_a_port_has_its_name(port: OvsPort, text: str) -> None:
    assert port_text(port, LINES) == text


def test_the_time_since_the_upcall_is_in_microseconds() -> None:
    assert upcall_text(OvsUpcall(5, 0, 612_340), LINES) == "latency 612.3us"


def test_on_one_line_an_enriched_flow_is_joined_by_spaces() -> None:
    found = hit(dpflow="flow", ofpflows=("one", "two"))
    assert ovs_text(found, TextOptions(multi_line=False)) == f"{HIT} odpflow flow openflow one two"
