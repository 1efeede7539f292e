"""Events in files: ``tracer collect -o``, with real packets."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.sections import Packet

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

RECEIVE = "tp:net:netif_receive_skb"
SIZES = (100, 200, 300)  # bytes that pings carry
bpf = pytest.mark.bpf


def collect(tracer: Tracer, two: TwoNamespaces, *arguments: str) -> str:
    """Text of a run with three echo requests."""
    options = ("-c", "skb", "-p", RECEIVE, "--netns", two.b.name, "--format", "single-line", *arguments)
    with tracer.collect(*options) as collecting:
        for size in SIZES:
            two.run(two.a, ["ping", "-c", "1", "-s", str(size), two.b.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    return collecting.stdout


def echo_lengths(packets: list[bytes]) -> list[int]:
    return [int.from_bytes(p[16:18], "big") - 28 for p in packets if p[12:14] == b"\x08\x00" and p[34] == 8]


@bpf
def test_an_arrow_file_has_the_packets_that_were_sent(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> None:
    path = tmp_path / "events.arrow"
    assert collect(tracer, two_netns, "-o", str(path)) == ""
    with ArrowEventsReader(path, (Packet,)) as reader:
        found = [event.get(Packet) for event in reader]
        assert reader.whole
    packets = [packet.data for packet in found if packet is not None]
    assert echo_lengths(packets) == list(SIZES)


@bpf
def test_a_json_file_has_what_is_printed_beside_it(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    text = collect(tracer, two_netns, "-o", str(path), "--print")
    first, *events = (json.loads(line) for line in path.read_text().splitlines())
    assert first["startup"]["cmdline"].endswith(f"-o {path} --print --ready-file {ready_file(first)}")
    assert [str(event["common"]["timestamp"]) for event in events] == [line.split()[0] for line in text.splitlines()]
    packets = [base64.b64decode(event["packet"]["data"]) for event in events]
    assert echo_lengths(packets) == list(SIZES)


def ready_file(startup: dict[str, Any]) -> str:
    return str(startup["startup"]["cmdline"].rpartition(" ")[2])


@bpf
def test_without_a_name_the_file_is_called_after_us(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    collect(tracer, two_netns, "-o")
    with ArrowEventsReader(tmp_path / "tracer.arrow", (Packet,)) as reader:
        assert len(list(reader)) >= len(SIZES)


@bpf
@pytest.mark.parametrize("name", ["precious.arrow", "precious.json"])
def test_a_file_that_is_not_ours_is_left_alone(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, name: str
) -> None:
    path = tmp_path / name
    path.write_text("somebody's\n")
    result = tracer.run("collect", "-c", "skb", "-p", RECEIVE, "--netns", two_netns.b.name, "-o", str(path))
    assert result.returncode == 2
    assert str(path) in result.stderr
    assert result.stderr.count("\n") == 1
    assert path.read_text() == "somebody's\n"


@bpf
@pytest.mark.parametrize(
    ("arguments", "reason"),
    [(("-o", "events.txt"), "the name tells no format"), (("--print",), "--print needs -o")],
)
def test_what_cannot_be_written_is_refused(
    tracer: Tracer, two_netns: TwoNamespaces, arguments: tuple[str, ...], reason: str
) -> None:
    result = tracer.run("collect", "-c", "skb", "-p", RECEIVE, "--netns", two_netns.b.name, *arguments)
    assert result.returncode == 2
    assert reason in result.stderr
