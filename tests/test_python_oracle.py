"""The same scripts on the same files, by the PyPI ``retis`` library and by ours."""

from __future__ import annotations

import copy
import json
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import retis
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.event_json import EVENT, STARTUP, USER_EVENT, theirs, write_lines
from tests.test_old_formats import startup, then

import tracer_core as tracer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CONNECTION = {
    "ip": {"src": "192.0.2.1", "dst": "192.0.2.2", "version": "v4"},
    "proto": {"tcp": {"sport": 1, "dport": 2}},
}
CT = {
    "state": "established",
    "zone_id": 7,
    "zone_dir": "Default",
    "orig": CONNECTION,
    "reply": CONNECTION,
    "ct_status": 3,
    "proto_state": "ESTABLISHED",
    "mark": 1,
}
NFT = {
    "table_handle": 1,
    "chain_handle": 2,
    "rule_handle": 3,
    "verdict": "drop",
    "policy": False,
    "table_name": "t",
    "chain_name": "c",
}
LOOKUP = {"flow": 1, "sf_acts": 2, "ufid": [1, 2, 3, 4], "n_mask_hit": 1, "n_cache_hit": 0}
STEPS: list[dict[str, Any]] = [
    {"event_type": "upcall", "cmd": 1, "port": 2, "cpu": 3},
    {"event_type": "action_execute", "action": "output", "port": 3, "recirc_id": 1, "queue_id": 5},
    {"event_type": "action_execute", "action": "ct", "flags": 1, "zone_id": 3, "recirc_id": 0, "nat": {"dir": "src"}},
    {"event_type": "flow_lookup", **LOOKUP, "dpflow": "x", "ofpflows": ["y"]},
    {"event_type": "flow_operation", "op_type": "exec", "queue_id": 1, "batch_ts": 2, "batch_idx": 3},
]
STACK = {"kernel": {**EVENT["kernel"], "stack_trace": ["a+0x1", "b"]}}
MORE = {
    "tracking": {"idx": 3, "skb": EVENT["skb-tracking"]},
    "netns": {"inum": 4026531840, "cookie": 1},
    "dev": {"name": "lo", "ifindex": 1},
    "skb-drop": {"drop_reason": "NO_SOCKET"},
}
EVENTS: list[dict[str, Any]] = [
    EVENT,
    USER_EVENT,
    EVENT | STACK | MORE | {"nft": NFT},
    EVENT | {"ct": CT},
    *(USER_EVENT | {"ovs": step} for step in STEPS),
    {"common": {"timestamp": 5}},
]


def pairs(path: Path) -> list[tuple[Any, Any]]:
    return list(zip(retis.EventFile(str(path)).events(), tracer.EventFile(str(path)).events(), strict=True))


def told(ask: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever there is
    try:
        found = ask()
    except (AttributeError, KeyError) as error:
        return type(error)
    if isinstance(found, int | str | bool | dict | None):
        return found
    # groups have no text of their own, and their order is any
    return found.to_dict() if str(found).startswith("{") else str(found)


def attributes(event: Any, path: str) -> Any:  # noqa: ANN401 - of either library
    """What a script gets that looks at something of an event."""
    for name in path.split("."):
        event = getattr(event, name.removesuffix("()"))
        event = event() if name.endswith("()") else event
    return event


def text_of(event: Any, name: str) -> str:  # noqa: ANN401 - of either library
    return str(event[name])


LOOKS = """
common.timestamp common.smp_id common.task.comm common.task.pid kernel.symbol kernel.probe_type kernel.stack_trace
userspace.path userspace.ip userspace.tid startup.retis_version startup.machine.kernel_release startup.split_file
startup.clock_monotonic_offset.nsec packet.len packet.data packet.data.to_scapy() packet.to_scapy()
skb.meta.len skb.gso skb.vlan_accel.dei skb_tracking.skb skb_tracking.tracking_id() tracking.idx tracking.skb.timestamp
tracking.skb.tracking_id() netns.inum netns.cookie dev.name skb_drop.drop_reason nft.verdict nft.policy nft.table_name
ct.state ct.base ct.base.orig.ip.src ct.base.orig.proto.tcp.dport ct.base.zone_id ct.base.labels ct.parent
ovs ovs.upcall ovs.upcall.cpu ovs.action_execute.recirc_id ovs.action_execute.queue_id ovs.flow_lookup.ufid
ovs.action_execute.action.output.port ovs.action_execute.action.ct.zone_id ovs.action_execute.action.ct.nat.dir
ovs.action_execute.action.ct.nat.max_port ovs.flow_lookup.ufid.show() ovs.flow_lookup.ufid.to_dict()
ovs.flow_lookup.ofpflows ovs.flow_operation.batch_ts ovs.upcall_return ovs_detrace nope skb.nope
""".split()  # noqa: SIM905 - a list of so many would be longer than the test


@pytest.mark.filterwarnings("ignore")  # of scapy's dependencies, at import
def test_attributes_are_the_same(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.json", EVENTS)
    found = pairs(path)
    assert len(found) == len(EVENTS) + 1
    for their, our in found:
        differing = {
            look: (told(partial(attributes, their, look)), told(partial(attributes, our, look))) for look in LOOKS
        }
        assert {look: both for look, both in differing.items() if both[0] != both[1]} == {}


def test_texts_dictionaries_and_sections_are_the_same(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.json", EVENTS)
    for their, our in pairs(path):
        assert str(our) == str(their)
        assert our.to_dict() == their.to_dict()
        assert eval(repr(our)) == our.to_dict()  # noqa: S307 - our own
        assert our.sections() == their.sections()
        for name in their.sections():
            assert str(our[name]) == str(their[name])
            assert our[name].to_dict() == their[name].to_dict()
        for name in ("skb-tracking", "skb_tracking", "ovs", "ovs-detrace", "nope", "startup"):
            assert (name in our) is (name in their)
            assert told(partial(text_of, our, name)) == told(partial(text_of, their, name))


@settings(max_examples=40)
@given(found=st.lists(theirs(), min_size=1, max_size=20))
def test_any_events_are_the_same(tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]]) -> None:
    path = write_lines(tmp_path_factory.mktemp("oracle") / "events.json", found)
    for their, our in pairs(path):
        assert str(our) == str(their).replace("use 'retis pcap'", "use 'tracer pcap'")
        assert (our.to_dict(), our.sections()) == (their.to_dict(), their.sections())


@pytest.mark.parametrize("version", ["v1.5.0", "v1.6.4", "v1.7.0-dev-12-gabc", "v1.9.0"])
def test_files_of_other_versions_are_the_same(tmp_path: Path, version: str) -> None:
    event = then(EVENT) if "1.5" in version else EVENT
    path = write_lines(tmp_path / "events.json", [event], startup(version))
    for their, our in pairs(path):
        assert (str(our), our.to_dict(), our.sections()) == (str(their), their.to_dict(), their.sections())


def test_rotated_sets_are_the_same(tmp_path: Path) -> None:
    for number in range(3):
        first = copy.deepcopy(STARTUP)
        first["startup"]["split_file"] = {"id": number, "policy": {"kind": "size", "limit": 1_000_000}}
        write_lines(tmp_path / f"x.json.{number}", [EVENT, USER_EVENT], first)
    path = str(tmp_path / "x.json.0")
    their, our = (list(module.EventFile.with_rotation(path).events()) for module in (retis, tracer))
    assert len(our) == 9
    assert list(map(str, our)) == list(map(str, their))
    assert [event.to_dict() for event in our] == [event.to_dict() for event in their]


def test_packets_match_as_theirs_do(tmp_path: Path) -> None:
    clone, other = copy.deepcopy(EVENT), copy.deepcopy(EVENT)
    clone["skb-tracking"]["skb"] += 1
    other["skb-tracking"]["timestamp"] += 1
    path = write_lines(tmp_path / "events.json", [EVENT, clone, other])
    for module in (retis, tracer):
        _, *events = module.EventFile(str(path)).events()
        first, *_ = (event.skb_tracking for event in events)
        assert [first.match(event.skb_tracking) for event in events] == [True, True, False]
        assert [first.strict_match(event.skb_tracking) for event in events] == [True, False, False]


def write_series(path: Path) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in ([STARTUP], [EVENT, EVENT | STACK], [USER_EVENT])))
    return path


def test_series_are_the_same(tmp_path: Path) -> None:
    path = write_series(tmp_path / "sorted.json")
    their, our = (module.EventFile(str(path)) for module in (retis, tracer))
    assert their.sorted() is our.sorted() is True
    theirs, ours = list(their.series()), list(our.series())
    assert [len(series) for series in theirs] == [len(series) for series in ours] == [1, 2, 1]
    for one, other in zip(theirs, ours, strict=True):
        assert [str(event) for event in one] == [str(event) for event in other]
        assert [str(event) for event in one] == [str(event) for event in other]  # again
        assert repr(other) == repr(one).removeprefix("Py")


@pytest.mark.parametrize(
    "ask",
    [
        lambda module, folder: module.EventReader(folder / "sorted.json"),
        lambda module, folder: module.EventReader.with_rotation(folder / "sorted.json"),
        lambda module, folder: module.EventFile(folder / "sorted.json").events(),
        lambda module, folder: module.EventFile.with_rotation(folder / "sorted.json"),
        lambda module, folder: module.SeriesReader(folder / "events.json"),
        lambda module, folder: module.EventFile(folder / "events.json").series(),
    ],
)
def test_what_cannot_be_is_refused_in_their_words(tmp_path: Path, ask: Callable[[Any, Path], Any]) -> None:
    write_series(tmp_path / "sorted.json")
    write_lines(tmp_path / "events.json", [EVENT])
    said = []
    for module in (retis, tracer):
        with pytest.raises(RuntimeError) as refused:
            ask(module, tmp_path)
        said.append(str(refused.value).partition("\n")[0])
    assert said[0] == said[1]


@pytest.mark.parametrize("name", ["missing", "empty", "damaged"])
def test_files_that_cannot_be_read_are_runtime_errors_as_theirs(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "damaged").write_text(json.dumps(STARTUP) + "\n{}\nxx\n")
    for module in (retis, tracer):
        with pytest.raises(RuntimeError):
            list(module.EventReader(tmp_path / name))
