"""Sorted files: series of events, as Retis writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import retis
from tests.event_json import EVENT, STARTUP, write_lines

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer

ABOUT = "1\n  collected with Retis v1.7.0\n  on machine 6.12 #1 x86_64\n  cmdline retis collect -o\n\n"


def event(timestamp: int, index: int | None, **sections: Any) -> dict[str, Any]:  # noqa: ANN401 - what JSON can hold
    """An event of a series, or of none."""
    found = {"common": {**EVENT["common"], "timestamp": timestamp}, "kernel": EVENT["kernel"], **sections}
    if index is not None:
        found["skb-tracking"] = {"orig_head": 0xFFFF0001, "timestamp": 12, "skb": 0xFFFF0002}
        found["tracking"] = {"idx": index, "skb": {"orig_head": 0xFFFF0001, "timestamp": 12, "skb": 0xFFFF0002}}
    return found


STACK = {"symbol": "ip_rcv", "probe_type": "kprobe", "stack_trace": ["a+0x1", "b+0x2"]}
SERIES = [
    [event(12, 0, packet=EVENT["packet"]), event(15, 1, packet=EVENT["packet"], kernel=STACK), event(16, 2)],
    [event(14, None, skb=EVENT["skb"])],
    [event(20, 0), event(21, 1)],
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_lines(tmp_path / "sorted.json", SERIES, [STARTUP])


def test_a_series_is_printed_as_one(tracer: Tracer, path: Path) -> None:
    result = tracer.run("print", str(path))
    packet = "192.0.2.1 > 192.0.2.2 tos 0x0 ttl 64 id 1 off 0 [DF] len 28 proto ICMP (1) type 8 code 0"
    identity = f"#{12 << 64 | 0xFFFF0001:x} (skb ffff0002)"
    head = "(1) [ping] 10/11 [k] ip_rcv"
    assert result.stdout == ABOUT + (
        f"12 {head} {identity} n 0\n"
        f"  {packet}\n"
        f"  ↳ 15 {head} {identity} n 1\n"
        "        a+0x1\n"
        "        b+0x2\n"
        f"      {packet}\n"
        f"  ↳ 16 {head} {identity} n 2\n"
        "\n"
        f"14 {head}\n"
        "  skb [csum partial (start 34 off 16) hash 0xabc len 100 data_len 3 priority 0 "
        "nohdr cloned fclone 2 users 1 dataref 3] gso [type 0x11 flags 0x1 frags 2 segs 3 size 1448]\n"
        "\n"
        f"20 {head} {identity} n 0\n"
        f"  ↳ 21 {head} {identity} n 1\n"
        "\n"
    )


def test_a_series_in_single_lines_has_an_empty_line_behind_it(tracer: Tracer, path: Path) -> None:
    lines = tracer.run("print", str(path), "--format", "single-line").stdout.split("\n")
    begins = ["1 colle", "", "12 (1) ", "  ↳ 15 ", "  ↳ 16 ", "", "14 (1) ", "", "20 (1) ", "  ↳ 21 ", "", ""]
    assert [line[:7] for line in lines] == begins


def test_the_events_are_those_that_retis_sees(tracer: Tracer, path: Path) -> None:
    assert retis.EventFile(str(path)).sorted()
    _, *series = retis.SeriesReader(str(path))
    theirs = [[str(event) for event in one] for one in series]
    text = tracer.run("print", str(path)).stdout.removeprefix(ABOUT)
    shown = [one.split("\n  ↳ ") for one in text.removesuffix("\n\n").split("\n\n")]
    ours = [[first, *(later.replace("\n    ", "\n") for later in others)] for first, *others in shown]
    assert ours == theirs


@pytest.mark.parametrize("kind", ["json", "arrow", "parquet"])
def test_a_converted_file_is_as_sorted_as_before(tracer: Tracer, path: Path, kind: str) -> None:
    target = path.with_name(f"out.{kind}")
    assert tracer.run("convert", str(path), str(target)).returncode == 0
    assert tracer.run("print", str(target)).stdout == tracer.run("print", str(path)).stdout
    again = path.with_name("again.json")
    assert tracer.run("convert", str(target), str(again)).returncode == 0
    assert [json.loads(line) for line in again.read_text().splitlines()[1:]] == SERIES
    _, *series = retis.SeriesReader(str(again))
    assert [len(one) for one in series] == [3, 1, 2]


@pytest.mark.parametrize("kind", ["json", "arrow", "parquet"])
def test_stats_count_series(tracer: Tracer, path: Path, kind: str) -> None:
    target = path.with_name(f"out.{kind}")
    assert tracer.run("convert", str(path), str(target)).returncode == 0
    lines = tracer.run("stats", str(target)).stdout.splitlines()
    assert lines[2:4] == ["Number of series: 3", "Number of events: 6"]


def test_a_startup_in_a_series_of_several_is_the_last(tracer: Tracer, tmp_path: Path) -> None:
    path = write_lines(tmp_path / "sorted.json", SERIES, [event(1, None), STARTUP])
    assert retis.EventFile(str(path)).sorted()
    result = tracer.run("print", str(path))
    assert result.returncode == 0, result.stderr


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[]", "it is no event"),
        ("{}", "it is an event, unlike the lines before"),
        ("[[]]", "it is no event"),
        ("[null]", "it is no event"),
        ("[{}]", "it is no event"),
        ('[{"common":{"timestamp":1}},3]', "it is no event"),
        ("", "it is no JSON"),
    ],
)
def test_a_line_that_is_no_series_is_named(tracer: Tracer, path: Path, line: str, reason: str) -> None:
    with path.open("a") as file:
        file.write(line + "\n" + json.dumps(SERIES[1]) + "\n")
    result = tracer.run("print", str(path), "--format", "single-line")
    assert result.returncode == 1
    assert result.stdout.count("ip_rcv") == 6
    assert result.stderr.startswith(f"Error: {path}, line 5: {reason}")
    assert result.stderr.count("\n") == 1
