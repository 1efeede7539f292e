"""``tracer collect --sort``: journeys of packets as they end, on real traffic."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest
import retis
from tests.journeys import journeys, sorted_afterwards, symbols, unordered
from tests.tracking import Traffic

from tracer_core.testing import kernels
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Collecting, Tracer
    from tracer_core.testing.netns import TwoNamespaces

PROBES = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
TRACKED = ("-c", "skb,skb_tracking", "--sort")
MARK = b"a mark of tests of sorting"


def namespaces(two: TwoNamespaces) -> tuple[str, ...]:
    return ("--netns", two.a.name, "--netns", two.b.name)


def wait_until(collecting: Collecting, path: Path, count: int, text: str) -> None:
    """Wait until a file has so many lines with some text, while the run goes on."""
    deadline = time.monotonic() + patience(10)
    while not path.exists() or sum(text in line for line in path.read_text().splitlines()) < count:
        assert collecting.process.poll() is None, collecting.report()
        assert time.monotonic() < deadline, collecting.report()
        time.sleep(0.01)


@pytest.mark.bpf
def test_journeys_are_printed_whole_while_the_run_goes_on(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    options = (*TRACKED, *PROBES, *namespaces(two), "--format", "single-line")
    with tracer.collect(*options, "-f", "icmp") as collecting:
        two.run(two.a, ["ping", "-n", "-c", "3", "-i", "0.2", two.b.ipv4])
        collecting.wait_for("proto ICMP (1)", count=12)
        assert collecting.process.poll() is None
        text = collecting.stdout
    assert collecting.exit_code == 0, collecting.report()
    # each line of a journey but the first has an arrow; nothing was held back but the line that ends the last
    found = text.removesuffix("\n").split("\n\n")
    assert [[line.count(" ↳ ") for line in some.splitlines()] for some in found] == [[0, 1]] * 6
    for some in found:
        first, second = some.splitlines()
        assert "net_dev_start_xmit" in first
        assert " n 0 " in first
        assert "netif_receive_skb" in second
        assert " n 1 " in second
    assert collecting.stdout == text + "\n"
    assert "12 event(s) processed" in collecting.stderr


@pytest.mark.bpf
def test_what_is_sorted_while_it_comes_is_what_is_sorted_afterwards(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    two, path = two_netns, tmp_path / "live.json"
    probes = (*PROBES, "-p", "tp:net:netif_rx", "-p", "tp:net:net_dev_queue", "-p", "tp:skb:consume_skb")
    with tracer.collect(*TRACKED, *probes, *namespaces(two), "-o", str(path)) as collecting:
        with Traffic(two.a, two.b, MARK) as traffic:
            for number in range(2000):
                traffic.send(number, 60 + number % 1000)
        two.run(two.a, ["ping", "-n", "-c", "20", "-i", "0.01", two.b.ipv4])
        wait_until(collecting, path, 2040, "netif_receive_skb")
        early = len(path.read_text().splitlines())
    assert collecting.exit_code == 0, collecting.report()
    assert early >= 2041
    found = journeys(path)
    assert unordered(found) == unordered(sorted_afterwards(tracer, path))
    way = ["net:net_dev_queue", "net:net_dev_start_xmit", "net:netif_rx", "net:netif_receive_skb"]
    assert sum(symbols(some)[:4] == way for some in found) >= 2040
    assert not [one for some in found for one in some if "tracked-data" in one]
    _, *series = retis.SeriesReader(str(path))
    assert [[one.kernel.symbol for one in some] for some in series] == list(map(symbols, found))


@pytest.mark.bpf
def test_journeys_are_written_to_arrow_and_printed_too(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    two, path = two_netns, tmp_path / "live.arrow"
    options = (*TRACKED, *PROBES, *namespaces(two), "-f", "icmp", "--format", "single-line")
    with tracer.collect(*options, "-o", str(path), "--print") as collecting:
        two.run(two.a, ["ping", "-n", "-c", "2", "-i", "0.2", two.b.ipv4])
        collecting.wait_for("proto ICMP (1)", count=8)
    assert collecting.exit_code == 0, collecting.report()
    printed = tracer.run("print", str(path), "--format", "single-line")
    assert printed.stdout.split("\n\n", 1)[1] == collecting.stdout
    again = tracer.run("sort", str(path))
    assert again.stderr == "File already sorted\n"


@pytest.mark.bpf
def test_a_packet_that_waits_for_its_reader_comes_out_when_nothing_was_heard_of_it(
    tracer: Tracer, two_netns: TwoNamespaces
) -> None:
    two = two_netns
    options = (*TRACKED, *PROBES, *namespaces(two), "-f", "udp", "--format", "single-line")
    with (
        Traffic(two.a, two.b, MARK) as traffic,
        tracer.collect(*options, "--sort-timeout", "0.5") as collecting,
    ):
        traffic.sender.send(MARK)  # and nobody takes it
        collecting.wait_for(" n 1 ")
        traffic.receiver.recv(100)
    assert collecting.exit_code == 0, collecting.report()
    assert collecting.stdout.count(" n 0 ") == collecting.stdout.count(" n 1 ") == 1


@pytest.mark.bpf
def test_what_has_not_ended_comes_out_at_the_end_and_few_wait_if_the_user_says_so(
    tracer: Tracer, two_netns: TwoNamespaces
) -> None:
    two = two_netns
    options = (*TRACKED, *PROBES, *namespaces(two), "-f", "udp", "--format", "single-line")
    with Traffic(two.a, two.b, MARK) as traffic, tracer.collect(*options, "--max-buffer", "6") as collecting:
        for _ in range(4):
            traffic.sender.send(MARK)  # and nobody takes them
        collecting.wait_for(" n 1 ", count=1)
        early = collecting.stdout.count("proto UDP")
    assert collecting.exit_code == 0, collecting.report()
    assert 2 <= early < 8
    assert collecting.stdout.count("proto UDP") == 8


@pytest.mark.bpf
def test_a_limit_counts_events_and_nothing_else(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    options = (*TRACKED, *PROBES, *namespaces(two), "-f", "icmp", "--format", "single-line", "--stop-after", "6")
    with tracer.collect(*options) as collecting:
        two.run(two.a, ["ping", "-n", "-c", "3", "-i", "0.2", two.b.ipv4])
        collecting.process.wait(patience(10))
    assert "6 event(s) processed" in collecting.stderr
    assert collecting.stdout.count("proto ICMP (1)") == 6


@pytest.mark.bpf
@pytest.mark.parametrize(("kind", "limit"), [("json", "2MB"), ("arrow", "100KB")])
def test_a_rotated_set_has_whole_journeys_in_each_file(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, kind: str, limit: str
) -> None:
    two, path, packets = two_netns, tmp_path / f"live.{kind}", 6000
    options = (*TRACKED, *PROBES, *namespaces(two), "-f", "udp", "-o", str(path), "-r", limit)
    with tracer.collect(*options) as collecting, Traffic(two.a, two.b, MARK) as traffic:
        for number in range(packets):
            traffic.send(number, 60)
    assert collecting.exit_code == 0, collecting.report()
    files = list(tmp_path.glob(f"live.{kind}.*"))
    assert len(files) > 1
    found = []
    for file in files:
        assert tracer.run("convert", str(file), str(tmp_path / "one.json")).returncode == 0
        found += journeys(tmp_path / "one.json")
    assert [[one["tracking"]["idx"] for one in some] for some in found] == [[0, 1]] * packets


@pytest.mark.bpf
def test_a_recording_is_sorted_like_the_run(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> None:
    two, path, raw = two_netns, tmp_path / "live.json", tmp_path / "raw"
    options = (*TRACKED, *PROBES, *namespaces(two))
    with tracer.collect(*options, "-o", str(path), "--record-raw", str(raw)) as collecting:
        two.run(two.a, ["ping", "-n", "-c", "5", "-i", "0.01", two.b.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    again = tmp_path / "again.json"
    result = tracer.run("collect", *options, "-o", str(again), "--replay-raw", str(raw))
    assert result.returncode == 0, result.stderr
    assert unordered(journeys(again)) == unordered(journeys(path))
    assert json.loads(path.read_text().splitlines()[0])[0]["startup"]


def test_without_a_collector_that_follows_packets_nothing_can_be_sorted(tracer: Tracer) -> None:
    recorded = ("--kernel", str(kernels.__path__[0]) + "/6.18", "--dry-run")
    result = tracer.run("collect", "-c", "skb", "--sort", *PROBES, *recorded)
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        "Error: --sort: no selected collector tells which packet an event is of; "
        "add one that follows packets to -c, or leave -c out; see: tracer plugins",
    ]
