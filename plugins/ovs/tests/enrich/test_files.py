"""Files of Retis with what Open vSwitch said of flows: read, shown, converted and sorted."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from tests.event_json import EVENT, write_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer

UFID = [0xF5BBB4ED, 0x93DD45CC, 0xAC7EA130, 0xB5560209]
FLOW = {"ufid": UFID, "flow": 2**63 + 1, "sf_acts": 2**63 + 2}
ANSWER = {"dpflow": "recirc_id(0),in_port(1), actions:2", "ofpflows": ["table=0, priority=1", "table=1, priority=0"]}
DETRACE = {"common": {"timestamp": 50}, "ovs-detrace": {**FLOW, **ANSWER}}


def lookup(time: int, packet: int, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields
    """A look-up of the flow, for a packet."""
    return {
        "common": {**EVENT["common"], "timestamp": time},
        "kernel": {"symbol": "ovs_flow_tbl_lookup_stats", "probe_type": "kretprobe"},
        "skb-tracking": {"orig_head": packet, "timestamp": packet, "skb": packet},
        "ovs": {"event_type": "flow_lookup", **FLOW, "n_mask_hit": 1, "n_cache_hit": 0, **more},
    }


OTHER = lookup(30, 2, sf_acts=7)
EVENTS = [lookup(10, 1), lookup(20, 2, dpflow="", ofpflows=[]), OTHER, DETRACE, lookup(60, 3)]


@pytest.fixture(params=["json", "arrow", "parquet"])
def path(request: pytest.FixtureRequest, tracer: Tracer, tmp_path: Path) -> Path:
    """A file of them."""
    given = write_lines(tmp_path / "given.json", EVENTS)
    made = tmp_path / f"events.{request.param}"
    assert tracer.run("convert", str(given), str(made)).returncode == 0
    return made


def test_they_are_shown(tracer: Tracer, path: Path) -> None:
    result = tracer.run("print", str(path))
    assert (result.returncode, result.stderr) == (0, "")
    ufid = "f5bbb4ed-93dd-45cc-ac7e-a130b5560209"
    flow = f"50\n  ufid:{ufid} recirc_id(0),in_port(1), actions:2\n"
    assert f"{flow}  openflow:table=0, priority=1\n      table=1, priority=0\n" in result.stdout


def test_sorting_tells_all_look_ups_of_the_flow_and_no_others(tracer: Tracer, path: Path, tmp_path: Path) -> None:
    out, shown = path.with_stem("sorted"), tmp_path / "shown.json"
    assert tracer.run("sort", str(path), "-o", str(out)).returncode == 0
    assert tracer.run("convert", str(out), str(shown)).returncode == 0
    _, *series = [json.loads(line) for line in shown.read_text().splitlines()]
    found = [[(event["common"]["timestamp"], event.get("ovs", {}).get("ofpflows")) for event in one] for one in series]
    rules = ANSWER["ofpflows"]
    assert found == [[(10, rules)], [(20, rules), (30, None)], [(60, rules)], [(50, None)]]
    (detrace,) = series[-1]
    assert detrace == DETRACE
