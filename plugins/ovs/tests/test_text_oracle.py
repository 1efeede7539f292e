"""Text and JSON of steps, compared with what the PyPI `retis` library makes of the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import retis
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.api import TextOptions
from tracer_core.events.about import About
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import written_json
from tracer_ovs.sections import Nat, Ovs, OvsPort, OvsUpcall
from tracer_ovs.text import ovs_text

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

ABOUT = About("tracer 0.1.0", "tracer collect -o x", 17, 5, "6.1", "#1 SMP", "x86_64")

u8, u16, u32, u64 = (
    st.sampled_from([0, 1, (1 << bits) - 1]) | st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64)
)
s32 = st.sampled_from([0, -1, -22]) | st.integers(-(1 << 31), (1 << 31) - 1)
addresses = st.sampled_from(["10.244.1.3", "10.244.1.30", "fd00::1"])


def step(event_type: str, **fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Ovs]:
    empty = dict.fromkeys(Ovs._fields)
    return st.fixed_dictionaries(fields).map(lambda found: Ovs(**{**empty, "event_type": event_type, **found}))


nats = st.builds(Nat, st.sampled_from(["src", "dst"]), addresses, addresses, u16, u16) | st.just(Nat(*[None] * 5))
of_upcall = {"upcall_ts": u64, "upcall_cpu": u32}
of_batch = {"queue_id": u32, "batch_ts": u64, "batch_idx": u8}
of_action = {"recirc_id": u32, "queue_id": st.none() | u32}
names = ("userspace", "set", "push_vlan", "pop_vlan", "sample", "hash", "push_mpls", "pop_mpls", "set_masked", "trunc")
more = (
    "push_eth",
    "pop_eth",
    "ct_clear",
    "push_nsh",
    "pop_nsh",
    "meter",
    "clone",
    "check_pkt_len",
    "add_mpls",
    "dec_ttl",
)
steps = st.one_of(
    step("upcall", cmd=u8, port=u32, cpu=u32),
    step("upcall_enqueue", ret=s32, cmd=u8, port=u32, queue_id=u32, **of_upcall),
    step("upcall_return", ret=s32, **of_upcall),
    step("recv_upcall", type=u32, pkt_size=u32, key_size=u64, **of_batch),
    step("flow_operation", op_type=st.sampled_from(["put", "exec"]), **of_batch),
    step("action_execute", action=st.just("output"), port=u32, **of_action),
    step("action_execute", action=st.just("recirc"), id=u32, **of_action),
    step("action_execute", action=st.just("drop"), reason=u32, **of_action),
    step(
        "action_execute",
        action=st.just("ct"),
        flags=st.integers(0, 0xFFF),
        zone_id=u16,
        nat=st.none() | nats,
        **of_action,
    ),
    step("action_execute", action=st.sampled_from((*names, *more)), **of_action),
    step("action_execute", **of_action),
    step(
        "flow_lookup",
        flow=u64,
        sf_acts=u64,
        ufid=st.tuples(u32, u32, u32, u32),
        n_mask_hit=u32,
        n_cache_hit=u32,
        dpflow=st.sampled_from(["", "ufid:xx, in_port(2), actions:3"]),
        ofpflows=st.sampled_from([(), ("cookie=0x0, table=0", "cookie=0x1, table=1")]),
    ),
)


def event(ovs: Ovs) -> Event:
    return Event(Header(7, 0, 0, 1, 1, 0, 0, b"x"), ProbeInfo("ip_rcv", "kprobe", "k"), {"ovs": ovs})


def written(path: Path, events: list[Event]) -> Path:
    return written_json(path, events, ABOUT)


@settings(max_examples=150)
@given(found=st.lists(steps, min_size=1, max_size=20))
def test_steps_have_the_text_of_retis(tmp_path_factory: pytest.TempPathFactory, found: list[Ovs]) -> None:
    path = written(tmp_path_factory.mktemp("oracle") / "events.json", list(map(event, found)))
    _, *theirs = map(str, retis.EventReader(str(path)))
    first = "7 (0) [x] 1 [k] ip_rcv\n"
    assert theirs == [first + _indented(ovs_text(ovs, TextOptions())) for ovs in found]


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.splitlines())


@settings(max_examples=100)
@given(found=steps)
def test_their_values_are_ours(tmp_path_factory: pytest.TempPathFactory, found: Ovs) -> None:
    path = written(tmp_path_factory.mktemp("oracle") / "events.json", [event(found)])
    _, theirs = retis.EventReader(str(path))
    assert theirs.to_dict()["ovs"] == json.loads(path.read_text().splitlines()[1])["ovs"]


@settings(max_examples=50)
@given(
    found=steps,
    port=st.builds(OvsPort, u32, st.just(b"veth0"), st.booleans()),
    upcall=st.builds(OvsUpcall, u64, u32, u64),
)
def test_what_only_we_tell_does_not_disturb_them(
    tmp_path_factory: pytest.TempPathFactory, found: Ovs, port: OvsPort, upcall: OvsUpcall
) -> None:
    folder = tmp_path_factory.mktemp("oracle")
    more = {"ovs-port": port, "ovs-upcall": upcall}
    one = event(found)
    texts = [
        list(map(str, retis.EventReader(str(written(folder / name, [each])))))
        for name, each in (("alone", one), ("both", Event(one.header, one.probe, {**one.sections, **more})))
    ]
    assert texts[0] == texts[1]
