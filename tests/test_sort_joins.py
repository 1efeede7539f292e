"""``tracer sort`` with a collector whose events are put together by more than the packet's identity."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import retis
from tests.event_json import EVENT, write_lines
from tests.test_start_up import DISTRIBUTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer


def event(time: int, symbol: str, packet: int | None = None, **did: dict[str, int]) -> dict[str, Any]:
    """An event of the collector ``switch`` in ``tests/fixtures/distributions/joining``."""
    found: dict[str, Any] = {
        "common": {**EVENT["common"], "timestamp": time},
        "kernel": {"symbol": symbol, "probe_type": "kprobe"},
        "switch": did,
    }
    if packet is not None:
        found["skb-tracking"] = {"orig_head": packet, "timestamp": packet, "skb": packet}
    return found


WAY = [
    event(1, "begins", 1, miss={"cpu": 1}),
    event(2, "other", 2, executed={"port": 3}),
    event(3, "queues", queued={"since": 1, "cpu": 1, "queue": 9}),
    event(4, "ends", 1, returned={"since": 1, "cpu": 1, "result": 0}),
    event(5, "handles", handled={"queue": 9}),
    event(6, "sends", 6, executed={"port": 1, "queue": 9}),
    event(7, "goes", 6, executed={"port": 1}),
]
JOURNEYS = [["begins", "queues", "ends", "handles", "sends", "goes"], ["other"]]


@pytest.fixture(autouse=True)
def _switch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DISTRIBUTIONS / "joining"))


def symbols(path: Path) -> list[list[str]]:
    _, *series = [json.loads(line) for line in path.read_text().splitlines()]
    return [[one["kernel"]["symbol"] for one in some] for some in series]


@pytest.mark.parametrize("kind", ["json", "arrow", "parquet"])
def test_the_way_through_a_process_is_a_part_of_the_journey(tracer: Tracer, tmp_path: Path, kind: str) -> None:
    given, out, shown = tmp_path / "events.json", tmp_path / f"sorted.{kind}", tmp_path / "shown.json"
    write_lines(given, WAY)
    result = tracer.run("sort", str(given), "-o", str(out))
    assert (result.returncode, result.stderr) == (0, f"7 event(s) written to {out}\n")
    assert tracer.run("convert", str(out), str(shown)).returncode == 0
    assert symbols(shown) == JOURNEYS
    _, *series = retis.SeriesReader(str(shown))
    assert [[one.kernel.symbol for one in some] for some in series] == JOURNEYS
    assert [one.tracking.idx for one in series[0]] == list(range(6))
    assert {one.tracking.skb.orig_head for one in series[0]} == {1}


def test_events_whose_journey_is_missing_are_marked_and_counted(tracer: Tracer, tmp_path: Path) -> None:
    given, out = write_lines(tmp_path / "events.json", WAY[1:]), tmp_path / "sorted.json"
    result = tracer.run("sort", str(given), "--format", "single-line", "-o", str(out), "--print")
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        f"6 event(s) written to {out}",
        "WARN  3 event(s) belong to journeys that were not found (1 by switch.call, 2 by switch.queue): "
        "what comes before them is missing",
    ]
    shown = {line.split(" [k] ")[1] for line in result.stdout.splitlines() if " [k] " in line}
    assert "queues (not joined: no switch.call before) switch queued" in shown
    assert "handles (not joined: no switch.queue before) switch handled" in shown
    assert f"sends #{6 << 64 | 6:x} (skb 6) n 0 (not joined: no switch.queue before) switch executed" in shown
    assert f"goes #{6 << 64 | 6:x} (skb 6) n 1 switch executed" in shown
    assert tracer.run("print", str(out), "--format", "single-line").stdout == result.stdout
    marked = [one for line in out.read_text().splitlines() for one in json.loads(line) if "unjoined" in one]
    assert [one["unjoined"] for one in marked] == [{"key": f"switch.{by}"} for by in ("call", "queue", "queue")]
    _, *series = retis.SeriesReader(str(out))
    assert [[one.kernel.symbol for one in some] for some in series] == symbols(out)


def test_files_are_sorted_as_before_if_no_installed_collector_joins(
    tracer: Tracer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given, out = write_lines(tmp_path / "events.json", WAY), tmp_path / "sorted.json"
    monkeypatch.delenv("PYTHONPATH")
    result = tracer.run("sort", str(given), "-o", str(out))
    assert (result.returncode, result.stderr) == (0, f"7 event(s) written to {out}\n")
    assert symbols(out) == [["begins", "ends"], ["other"], ["queues"], ["handles"], ["sends", "goes"]]
