"""``tracer sort``: events of files as the journeys of packets."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
import retis
from tests.event_json import STARTUP, write_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces


def event(time: int, symbol: str, packet: int | None = None, skb: int = 1) -> dict[str, Any]:
    found: dict[str, Any] = {
        "common": {"timestamp": time, "smp_id": 1, "task": {"pid": 10, "tgid": 10, "comm": "ping"}},
        "kernel": {"symbol": symbol, "probe_type": "kprobe"},
    }
    if packet is not None:
        found["skb-tracking"] = {"orig_head": packet, "timestamp": packet, "skb": skb}
    return found


MIXED = [event(1, "a", 1), event(2, "b", 2), event(3, "c"), event(4, "d", 1, 5), event(5, "e", 2)]
JOURNEYS = [["a", "d"], ["b", "e"], ["c"]]


def symbols(path: Path) -> list[list[str]]:
    """Of the series of sorted JSON lines."""
    _, *series = [json.loads(line) for line in path.read_text().splitlines()]
    return [[one["kernel"]["symbol"] for one in some] for some in series]


def test_journeys_are_printed_one_after_the_other(tracer: Tracer, tmp_path: Path) -> None:
    result = tracer.run("sort", str(write_lines(tmp_path / "events.json", MIXED)), "--format", "single-line")
    assert (result.returncode, result.stderr) == (0, "")
    first, *journeys = result.stdout.removesuffix("\n\n").split("\n\n")
    assert "collected with Retis v1.7.0" in first
    assert journeys == [
        "1 (1) [ping] 10 [k] a #10000000000000001 (skb 1) n 0\n"
        "  ↳ 4 (1) [ping] 10 [k] d #10000000000000001 (skb 1) n 1",
        "2 (1) [ping] 10 [k] b #20000000000000002 (skb 1) n 0\n"
        "  ↳ 5 (1) [ping] 10 [k] e #20000000000000002 (skb 1) n 1",
        "3 (1) [ping] 10 [k] c",
    ]


def test_a_file_without_events_is_shown_as_it_is_printed(tracer: Tracer, tmp_path: Path) -> None:
    empty = write_lines(tmp_path / "events.json", [])
    printed, result = tracer.run("print", str(empty)), tracer.run("sort", str(empty))
    assert (result.returncode, result.stdout, result.stderr) == (0, printed.stdout, printed.stderr)
    assert "collected with Retis v1.7.0" in result.stdout
    assert result.stderr == "There are no events in the file\n"


@pytest.mark.parametrize("source", ["json", "arrow", "parquet"])
@pytest.mark.parametrize("target", ["data", "arrow", "parquet"])
def test_every_file_is_sorted_to_every_file(tracer: Tracer, tmp_path: Path, source: str, target: str) -> None:
    given, out, shown = tmp_path / f"events.{source}", tmp_path / f"sorted.{target}", tmp_path / "shown.json"
    write_lines(tmp_path / "first.json", MIXED)
    assert tracer.run("convert", str(tmp_path / "first.json"), str(given)).returncode == 0
    result = tracer.run("sort", str(given), "-o", str(out))
    assert (result.returncode, result.stdout) == (0, ""), result.stderr
    assert result.stderr == f"5 event(s) written to {out}\n"
    assert tracer.run("convert", str(out), str(shown)).returncode == 0
    assert symbols(shown) == JOURNEYS


@pytest.mark.parametrize("kind", ["json", "arrow"])
def test_a_rotated_set_becomes_a_file_of_one_run(tracer: Tracer, tmp_path: Path, kind: str) -> None:
    for number, one in enumerate(MIXED):
        startup = copy.deepcopy(STARTUP)
        startup["common"]["timestamp"] += number
        startup["startup"]["split_file"] = {"id": number, "policy": {"kind": "size", "limit": 10_000_000}}
        write_lines(tmp_path / f"retis.data.{number}", [one], startup)
    out, shown = tmp_path / f"sorted.{kind}", tmp_path / "shown.json"
    result = tracer.run("sort", f"{tmp_path / 'retis.data.0'}..", "-o", str(out))
    assert (result.returncode, result.stderr) == (0, f"5 event(s) written to {out}\n")
    assert tracer.run("convert", str(out), str(shown)).returncode == 0
    first, *series = [json.loads(line) for line in shown.read_text().splitlines()]
    assert [one["startup"].get("split_file") for one in first] == [None]
    assert not any("startup" in one for some in series for one in some)


def test_sorted_json_is_read_by_the_library_of_retis(tracer: Tracer, tmp_path: Path) -> None:
    given, out = write_lines(tmp_path / "events.json", MIXED), tmp_path / "sorted.json"
    assert tracer.run("sort", str(given), "-o", str(out)).returncode == 0
    _, *series = retis.SeriesReader(str(out))
    assert [[one.kernel.symbol for one in some] for some in series] == JOURNEYS
    assert [one.tracking.idx for one in series[0]] == [0, 1]


def test_with_print_both_come(tracer: Tracer, tmp_path: Path) -> None:
    given, out = write_lines(tmp_path / "events.json", MIXED), tmp_path / "sorted.arrow"
    alone = tracer.run("sort", str(given)).stdout
    both = tracer.run("sort", str(given), "-o", str(out), "--print")
    assert both.stdout == alone
    assert tracer.run("print", str(out)).stdout == alone


def test_a_sorted_file_is_left_as_it_is(tracer: Tracer, tmp_path: Path) -> None:
    given, out = write_lines(tmp_path / "events.json", MIXED), tmp_path / "sorted.json"
    tracer.run("sort", str(given), "-o", str(out))
    again = tracer.run("sort", str(out), "-o", str(tmp_path / "again.json"))
    assert (again.returncode, again.stdout, again.stderr) == (0, "", "File already sorted\n")
    assert not (tmp_path / "again.json").exists()


def test_a_file_is_not_sorted_in_place(tracer: Tracer, tmp_path: Path) -> None:
    given = write_lines(tmp_path / "events.json", MIXED)
    before = given.read_bytes()
    result = tracer.run("sort", str(given), "-o", str(given))
    assert result.returncode == 2
    assert "is both what is read and what is written" in result.stderr
    assert given.read_bytes() == before


def test_few_events_may_wait_if_the_user_says_so(tracer: Tracer, tmp_path: Path) -> None:
    far = [event(1, "a", 1), *(event(time, "b") for time in range(2, 50)), event(50, "c", 1)]
    given, out = write_lines(tmp_path / "events.json", far), tmp_path / "sorted.json"
    assert tracer.run("sort", str(given), "--max-buffer", "10", "-o", str(out)).returncode == 0
    assert sorted(symbols(out)) == [["a"], *[["b"]] * 48, ["c"]]
    late = next(line for line in out.read_text().splitlines() if '"symbol":"c"' in line)
    assert json.loads(late)[0]["tracking"]["idx"] == 1
    assert tracer.run("sort", str(given), "--max-buffer", "0", "-o", str(out)).returncode == 0
    assert symbols(out) == [["a", "c"], *[["b"]] * 48]


def test_what_comes_before_a_damage_is_sorted(tracer: Tracer, tmp_path: Path) -> None:
    given, out = write_lines(tmp_path / "events.json", MIXED), tmp_path / "sorted.json"
    with given.open("a") as file:
        file.write("broken\n")
    result = tracer.run("sort", str(given), "-o", str(out))
    assert result.returncode == 1
    assert "line 7" in result.stderr


@pytest.mark.bpf
def test_a_ping_is_two_journeys(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> None:
    two, path, out = two_netns, tmp_path / "events.arrow", tmp_path / "sorted.json"
    namespaces = ("--netns", two.a.name, "--netns", two.b.name)
    probes = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
    with tracer.collect("-c", "skb,skb_tracking", *probes, *namespaces, "-o", str(path)) as collecting:
        two.run(two.a, ["ping", "-n", "-c", "1", two.b.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    assert tracer.run("sort", str(path), "-o", str(out)).returncode == 0
    _, *series = [json.loads(line) for line in out.read_text().splitlines()]
    assert all(
        one["tracking"]["skb"] == some[0]["skb-tracking"] for some in series for one in some if "tracking" in one
    )
    text = tracer.run("print", str(out), "--format", "single-line").stdout
    pings = [some for some in text.split("\n\n") if "proto ICMP (1)" in some]
    assert [some.count("\n") for some in pings] == [1, 1]
    assert ["net_dev_start_xmit" in some and "netif_receive_skb" in some for some in pings] == [True, True]
