"""Sessions of collectors: they see what is recorded while it comes, and report events of their own."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import retis
from tests.test_start_up import DISTRIBUTIONS

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Collecting, Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

PROBES = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
LENGTHS = (98, 84)  # with and without an Ethernet header


@pytest.fixture(autouse=True)
def _asking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DISTRIBUTIONS / "asking"))


def options(two: TwoNamespaces, *more: str) -> tuple[str, ...]:
    names = ("--netns", two.a.name, "--netns", two.b.name)
    return ("-c", "asking,skb_tracking", *PROBES, *names, "-f", "icmp", *more)


def ping(two: TwoNamespaces, count: int = 3) -> None:
    two.run(two.a, ["ping", "-n", "-c", str(count), "-i", "0.2", two.b.ipv4])


def wait_for(collecting: Collecting, path: Path, text: str) -> None:
    deadline = time.monotonic() + patience(10)
    while not path.exists() or text not in path.read_text():
        assert collecting.process.poll() is None, collecting.report()
        assert time.monotonic() < deadline, collecting.report()
        time.sleep(0.01)


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file of JSON lines, without its first line and those without data."""
    _, *events = [json.loads(line) for line in path.read_text().splitlines()]
    return [event for event in events if event.keys() - {"common", "tracer"}]


def answers(events: list[dict[str, Any]]) -> list[int]:
    return [event["asking-answer"]["length"] for event in events if "asking-answer" in event]


def test_what_a_session_reports_is_in_the_file_and_not_counted(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    path = tmp_path / "events.json"
    with tracer.collect(*options(two_netns, "-o", str(path))) as collecting:
        ping(two_netns)
        wait_for(collecting, path, '"asking-answer":{"length":84')
    assert collecting.exit_code == 0, collecting.report()
    assert "12 event(s) processed" in collecting.stderr
    events = read(path)
    assert len(events) == 12 + len(LENGTHS)
    assert sorted(answers(events)) == sorted(LENGTHS)
    for number, event in enumerate(events):
        if "asking-answer" in event:
            assert event.keys() == {"common", "asking-answer"}
            assert event["common"].keys() == {"timestamp"}
            length = event["asking-answer"]["length"]
            assert [one["asking"]["length"] for one in events[:number] if "asking" in one].count(length) > 0
    _, *theirs = retis.EventReader(str(path))
    assert len(list(theirs)) >= len(events)
    text = tracer.run("print", str(path)).stdout
    assert "\n  asking-answer length 84 called 84 bytes\n" in text


def test_text_has_it_while_the_run_goes_on(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    with tracer.collect(*options(two_netns, "--format", "single-line")) as collecting:
        ping(two_netns, 1)
        collecting.wait_for("asking-answer length 84 called 84 bytes", count=1)
        assert collecting.process.poll() is None
    assert collecting.exit_code == 0, collecting.report()


def test_a_run_that_stops_after_some_events_does_not_count_what_is_reported(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    path = tmp_path / "events.json"
    with tracer.collect(*options(two_netns, "-o", str(path), "--stop-after", "8")) as collecting:
        ping(two_netns)
        collecting.process.wait(patience(10))
    assert collecting.exit_code == 0, collecting.report()
    assert "8 event(s) processed" in collecting.stderr
    assert sorted(answers(read(path))) == sorted(LENGTHS)


@pytest.mark.parametrize("kind", ["arrow", "json"])
def test_sorting_a_file_tells_all_events_what_was_answered_for_one(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, kind: str
) -> None:
    path, out, shown = tmp_path / f"events.{kind}", tmp_path / f"sorted.{kind}", tmp_path / "shown.json"
    with tracer.collect(*options(two_netns, "-o", str(path), "--print", "--format", "single-line")) as collecting:
        ping(two_netns)
        collecting.wait_for("asking-answer", count=2)
    assert collecting.exit_code == 0, collecting.report()
    assert tracer.run("sort", str(path), "-o", str(out)).returncode == 0
    assert tracer.run("convert", str(out), str(shown)).returncode == 0
    _, *series = [json.loads(line) for line in shown.read_text().splitlines()]
    events = [event for some in series for event in some]
    assert len(events) == 12 + 2
    for event in events:
        if "asking" in event:
            assert event["asking"]["called"] == f"{event['asking']['length']} bytes"
    assert all(len(some) == 1 for some in series if "asking-answer" in some[0])


def test_journeys_that_come_out_while_events_come_have_waited_for_answers(
    tracer: Tracer, two_netns: TwoNamespaces
) -> None:
    with tracer.collect(*options(two_netns, "--sort", "--format", "single-line")) as collecting:
        ping(two_netns)
        collecting.wait_for("called 84 bytes", count=7)
    assert collecting.exit_code == 0, collecting.report()
    lines = [line for line in collecting.stdout.splitlines() if "asking " in line]
    assert len(lines) == 12
    assert all(" bytes" in line for line in lines)
