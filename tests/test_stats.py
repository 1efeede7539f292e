"""``tracer stats``: what a file holds, in the words of Retis."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from tests.event_json import EVENT, STARTUP, USER_EVENT, write_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer

NOWHERE = {"common": {"timestamp": 7}, "elsewhere": {"word": "x"}}


def at(event: dict[str, Any], timestamp: int) -> dict[str, Any]:
    return {**event, "common": {**event["common"], "timestamp": timestamp}}


EVENTS = [
    at(EVENT, 9_000_000),
    at(USER_EVENT, 20_000_000_000),
    at(EVENT, 8_000_000),
    at({**EVENT, "kernel": {"symbol": "net:netif_rx", "probe_type": "raw_tracepoint"}}, 10_000_000),
    at(EVENT, 11_000_000),
]
ABOUT = "Retis version: v1.7.0\nRetis cmdline: retis collect -o\n"
REST = (
    "Number of events: 5\n"
    "First event at: 2023-11-14 22:13:20.009005\n"
    "Last event at: 2023-11-14 22:13:40.000005\n"
    "Probes:\n"
    "  kprobe/ip_rcv: 3\n"
    "  raw_tracepoint/net:netif_rx: 1\n"
    "  usdt/dpif_recv:recv_upcall: 1\n"
)


def split(number: int, timestamp: int) -> dict[str, Any]:
    """The startup event of a file of a set."""
    found = copy.deepcopy(STARTUP)
    found["common"]["timestamp"] = timestamp
    found["startup"]["split_file"] = {"id": number, "policy": {"kind": "size", "limit": 10_000_000}}
    return found


@pytest.mark.parametrize("kind", ["json", "arrow", "parquet"])
def test_versions_times_and_probes_are_told(tracer: Tracer, tmp_path: Path, kind: str) -> None:
    source = write_lines(tmp_path / "in.json", EVENTS)
    path = tmp_path / f"events.{kind}"
    assert tracer.run("convert", str(source), str(path)).returncode == 0
    result = tracer.run("stats", str(path))
    assert (result.returncode, result.stdout, result.stderr) == (0, ABOUT + REST, "")


@pytest.mark.parametrize("kind", ["json", "arrow", "parquet"])
def test_the_summary_is_that_of_a_run(tracer: Tracer, tmp_path: Path, kind: str) -> None:
    other = {**EVENT["skb-tracking"], "orig_head": 1}
    fates = [
        {"drop_reason": "NO_SOCKET"},
        {"subsys": "openvswitch", "drop_reason": "METER"},
        {"drop_reason": "NO_SOCKET"},
    ]
    events: list[Any] = [{**EVENT, "skb-drop": fate} for fate in fates] + [{**EVENT, "skb-tracking": other}]
    events[-1].pop("skb-drop", None)
    path = tmp_path / f"events.{kind}"
    assert tracer.run("convert", str(write_lines(tmp_path / "in.json", events)), str(path)).returncode == 0
    plain, told = tracer.run("stats", str(path)).stdout, tracer.run("stats", "--summary", str(path)).stdout
    assert told == f"{plain}Number of packets: 2\nDropped: 2 NO_SOCKET, 1 openvswitch/METER\n"


def test_of_no_events_there_is_nothing_to_tell(tracer: Tracer, tmp_path: Path) -> None:
    assert tracer.run("stats", str(write_lines(tmp_path / "events.json", []))).stdout == ABOUT + "Number of events: 0\n"


def test_events_of_nowhere_are_told_and_not_counted(tracer: Tracer, tmp_path: Path) -> None:
    result = tracer.run("stats", str(write_lines(tmp_path / "events.json", [NOWHERE, *EVENTS])))
    assert result.stdout == ABOUT + REST
    assert result.stderr == "1 event(s) are of no probe, and are not counted\n"


def test_of_a_sorted_file_series_are_counted_those_of_nowhere_included(tracer: Tracer, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.json", [EVENTS[:2], [NOWHERE], EVENTS[2:]], [STARTUP])
    assert tracer.run("stats", str(path)).stdout == ABOUT + "Number of series: 3\n" + REST


def test_of_a_set_the_run_is_told_once_and_each_file_by_its_number(tracer: Tracer, tmp_path: Path) -> None:
    write_lines(tmp_path / "retis.data.0", EVENTS, split(0, 1))
    write_lines(tmp_path / "retis.data.1", EVENTS[:1], split(1, 2))
    write_lines(tmp_path / "retis.data.2", [], split(2, 3))
    one = "First event at: 2023-11-14 22:13:20.009005\nLast event at: 2023-11-14 22:13:20.009005\n"
    first = ABOUT + "\nSplit index: 0\n" + REST
    second = "\nSplit index: 1\nNumber of events: 1\n" + one + "Probes:\n  kprobe/ip_rcv: 1\n"
    third = "\nSplit index: 2\nNumber of events: 0\n"
    assert tracer.run("stats", f"{tmp_path / 'retis.data.0'}..").stdout == first + second + third
    assert tracer.run("stats", str(tmp_path / "retis.data.0")).stdout == first


def test_a_file_from_the_middle_of_a_set_says_of_which_run_it_is(tracer: Tracer, tmp_path: Path) -> None:
    write_lines(tmp_path / "retis.data.1", EVENTS, split(1, 2))
    result = tracer.run("stats", f"{tmp_path / 'retis.data.1'}..")
    assert result.stdout == ABOUT + "\nSplit index: 1\n" + REST


def test_one_file_of_a_set_but_the_first_says_its_number_only(tracer: Tracer, tmp_path: Path) -> None:
    write_lines(tmp_path / "retis.data.1", EVENTS, split(1, 2))
    assert tracer.run("stats", str(tmp_path / "retis.data.1")).stdout == "\nSplit index: 1\n" + REST


def test_runs_in_one_file_are_told_apart(tracer: Tracer, tmp_path: Path) -> None:
    other = copy.deepcopy(STARTUP)
    other["startup"]["cmdline"] = "retis collect -c skb"
    path = write_lines(tmp_path / "events.json", [*EVENTS, other, *EVENTS])
    assert tracer.run("stats", str(path)).stdout == ABOUT + REST + "\n" + ABOUT.replace("-o", "-c skb") + REST


def test_what_comes_before_a_damage_is_counted(tracer: Tracer, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.json", EVENTS)
    with path.open("a") as file:
        file.write("{broken\n")
    result = tracer.run("stats", str(path))
    assert result.returncode == 1
    assert result.stdout == ABOUT + REST
    assert f"{path}, line 7: it is no JSON" in result.stderr
