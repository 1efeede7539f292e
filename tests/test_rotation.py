"""Sets of files, as users make and name them: ``-o FILE -r LIMIT -R COUNT``, ``FILE..``, and no name at all."""

from __future__ import annotations

import copy
import json
import re
import socket
import sys
from typing import TYPE_CHECKING, Any

import pytest
from tests.event_json import EVENT, STARTUP, write_lines

from tracer_core.files.events import EventSet
from tracer_core.sections import Packet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

RECEIVE = "tp:net:netif_receive_skb"
PORT, SENT, LIMIT = 7777, 6_000, 200_000
SEND = """
import os, socket, sys
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect((sys.argv[1], int(sys.argv[2])))
for number in range(int(sys.argv[3])):
    sender.send(b"%032d" % number + os.urandom(100))
"""


def at(timestamp: int) -> dict[str, Any]:
    return {**EVENT, "common": {**EVENT["common"], "timestamp": timestamp}}


def split(number: int, timestamp: int, command: str = "retis collect -o") -> dict[str, Any]:
    """The startup event of a file of a set."""
    found = copy.deepcopy(STARTUP)
    found["common"]["timestamp"] = timestamp
    found["startup"] |= {
        "cmdline": command,
        "split_file": {"id": number, "policy": {"kind": "size", "limit": 10_000_000}},
    }
    return found


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command runs: with a set of Retis in it."""
    for number in range(3):
        write_lines(tmp_path / f"retis.data.{number}", [at(10 * number + 5)], split(number, 10 * number))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def times(tracer: Tracer, *arguments: str) -> list[str]:
    """When the events were that a command prints, those included that say how a file began."""
    result = tracer.run("print", "--format", "single-line", *arguments)
    assert result.returncode == 0, result.stderr
    return [line.split()[0] for line in result.stdout.splitlines()]


def test_two_dots_mean_those_that_follow(tracer: Tracer, folder: Path) -> None:
    assert times(tracer, "retis.data.0") == ["0", "5"]
    assert times(tracer, "retis.data.0..") == ["0", "5", "10", "15", "20", "25"]
    assert times(tracer, f"{folder}/retis.data.1..") == ["10", "15", "20", "25"]


def test_without_a_name_the_first_file_of_a_set_is_the_beginning(tracer: Tracer, folder: Path) -> None:
    assert times(tracer) == ["0", "5", "10", "15", "20", "25"]
    (folder / "retis.data.0").unlink()  # only the newest were kept
    assert times(tracer) == ["10", "15", "20", "25"]
    write_lines(folder / "retis.data", [at(3)])
    assert times(tracer) == ["1", "3"]
    assert tracer.run("convert", "retis.data.2", "tracer.arrow").returncode == 0
    assert times(tracer) == ["20", "25"]
    assert "Number of events: 1\n" in tracer.run("stats").stdout


def test_without_any_it_says_so(tracer: Tracer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for command in ("print", "stats"):
        result = tracer.run(command)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr == "Error: there is no tracer.arrow or retis.data here; name an event file\n"


@pytest.mark.parametrize("name", ["gone", "gone..", "gone/..", "gone.0.."])
def test_a_file_that_is_not_there_is_named(tracer: Tracer, folder: Path, name: str) -> None:
    assert folder.exists()
    result = tracer.run("print", name)
    assert result.returncode == 2
    assert result.stderr.startswith(f"Error: cannot read {name.removesuffix('..') if '/' not in name else name}: ")
    assert result.stderr.count("\n") == 1


def test_a_set_becomes_one_file(tracer: Tracer, folder: Path) -> None:
    for kind in ("json", "arrow", "parquet"):
        result = tracer.run("convert", "retis.data.0..", f"all.{kind}")
        assert (result.returncode, result.stderr) == (0, f"3 event(s) written to all.{kind}\n")
        assert times(tracer, f"all.{kind}") == ["0", "5", "15", "25"]
    first = json.loads((folder / "all.json").read_text().splitlines()[0])
    assert "split_file" not in first["startup"]


def test_what_is_known_at_the_end_of_a_set_stays_known_when_another_run_left_a_file_behind_it(
    tracer: Tracer, folder: Path
) -> None:
    with (folder / "retis.data.2").open("a") as file:
        file.write(json.dumps({"common": {"timestamp": 26}, "tracer": {"end": {"lost": {"a": 3}}}}) + "\n")
    write_lines(folder / "retis.data.3", [at(99)], split(3, 30, "retis collect -c skb"))
    result = tracer.run("convert", "retis.data.0..", "all.json")
    assert "retis.data.3 is of another run than retis.data.2: it is left out" in result.stderr
    assert json.loads((folder / "all.json").read_text().splitlines()[-1])["tracer"] == {"end": {"lost": {"a": 3}}}


def test_probes_of_files_that_met_them_in_another_order_stay_apart(tracer: Tracer, folder: Path) -> None:
    def event(timestamp: int, symbol: str) -> dict[str, Any]:
        return {**at(timestamp), "kernel": {"symbol": symbol, "probe_type": "kprobe"}}

    for number, symbols in enumerate(["ab", "ba", "c"]):
        found = [event(10 * number + index + 1, symbol) for index, symbol in enumerate(symbols)]
        write_lines(folder / f"x.json.{number}", found, split(number, 10 * number))
    for kind in ("arrow", "parquet"):
        assert tracer.run("convert", "x.json.0..", f"all.{kind}").returncode == 0
        printed = tracer.run("print", f"all.{kind}", "--format", "single-line").stdout
        assert re.findall(r"^(\d+) .*\[k\] (\w)", printed, re.MULTILINE) == [
            ("1", "a"), ("2", "b"), ("11", "b"), ("12", "a"), ("21", "c"),
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("-r", "10MB"), "--out-rotate needs -o"),
        (("-o", "x.json", "-R", "3"), "--out-rotate-count needs --out-rotate"),
        (("-o", "x.json", "-r", "10"), "'10' is not a size of files"),
        (("-o", "x.json", "-r", "x10MBfoo"), "'x10MBfoo' is not a size of files"),
        (("-o", "x.json", "-r", "1KB"), "100KB the least"),
        (("-o", "x.json", "-r", "0MB"), "100KB the least"),
        (("-o", "x.json", "-r", "1MB", "-R", "0"), "-R"),
        (("-o", "x.parquet", "-r", "1MB"), "runs do not write any"),
    ],
)
@pytest.mark.bpf
def test_what_makes_no_sense_is_refused(
    tracer: Tracer, two_netns: TwoNamespaces, arguments: tuple[str, ...], reason: str, folder: Path
) -> None:
    result = tracer.run("collect", "-c", "skb", "-p", RECEIVE, "--netns", two_netns.b.name, *arguments)
    assert result.returncode == 2
    assert reason in result.stderr
    assert not list(folder.glob("x.*"))


@pytest.fixture
def receiver(two_netns: TwoNamespaces) -> Iterator[socket.socket]:
    """A socket without which packets would be answered by errors."""
    with two_netns.b.entered():
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listening:
        listening.bind((two_netns.b.ipv4, PORT))
        yield listening


def numbers(path: Path) -> tuple[list[int], dict[str, int]]:
    """What the packets in a set count, and what was lost."""
    with EventSet(path, [Packet], follow=True) as found:
        packets = [
            packet.data
            for batch in found.batches()
            for section in batch.sections
            for packet in section.objects
            if isinstance(packet, Packet)
        ]
        ours = [int(data[42:74]) for data in packets if data[36:38] == PORT.to_bytes(2, "big")]
        return ours, dict(found.end.get("lost", {}))


@pytest.mark.bpf
@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize(("kind", "keep"), [("data", 0), ("arrow", 0), ("json", 3), ("arrow", 3)])
def test_a_run_writes_files_that_have_together_what_was_sent(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, kind: str, keep: int
) -> None:
    two, path = two_netns, tmp_path / f"events.{kind}"
    write_lines(tmp_path / "precious.7", [])
    options = ("-c", "skb", "-p", RECEIVE, "--netns", two.b.name, "-o", str(path), "-r", f"{LIMIT // 1000}KB")
    with tracer.collect(*options, *(("-R", str(keep)) if keep else ())) as collecting:
        two.run(two.a, [sys.executable, "-c", SEND, two.b.ipv4, str(PORT), str(SENT)])
    assert collecting.exit_code == 0, collecting.report()
    files = sorted(tmp_path.glob(f"events.{kind}.*"), key=lambda file: int(file.suffix[1:]))
    assert not path.exists()
    assert f"Wrote {len(files)} event file(s)" in collecting.stderr
    assert all(file.stat().st_size <= LIMIT for file in files)
    assert len(files) == keep if keep else len(files) > 3
    first = int(files[0].suffix[1:])
    assert [file.suffix for file in files] == [f".{first + index}" for index in range(len(files))]
    found, lost = numbers(files[0])
    if keep:
        assert first > 0
        assert found == sorted(found)
        assert found[-1] == SENT - 1
    else:
        assert first == 0
        assert len(found) + lost.get(RECEIVE, 0) == SENT
    printed = tracer.run("print", f"{files[0]}..", "--format", "single-line").stdout
    assert printed.count(f" > {two.b.ipv4}.{PORT} ") == len(found)
    assert [int(number) for number in re.findall(r"file id (\d+)", printed)] == [
        first + index for index in range(len(files))
    ]
    stats = tracer.run("stats", f"{files[0]}..").stdout
    counted = sum(map(int, re.findall(r"Number of events: (\d+)", stats)))
    assert counted == printed.count(" [tp] net:netif_receive_skb")
