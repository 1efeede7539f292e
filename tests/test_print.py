"""``tracer print``: files become the text that was printed when they were written."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.event_json import STARTUP

import tracer_core
from tracer_core import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

RECEIVE = "tp:net:netif_receive_skb"
KINDS = ("arrow", "json")
bpf = pytest.mark.bpf

EVENT = {
    "common": {"timestamp": 2048, "smp_id": 1, "task": {"pid": 10, "tgid": 11, "comm": "ping"}},
    "kernel": {"symbol": "ip_rcv", "probe_type": "kprobe"},
}


def collected(tracer: Tracer, two: TwoNamespaces, path: Path, *arguments: str) -> str:
    """Text of a run with some pings, which also went to a file."""
    options = ("-p", RECEIVE, "-p", f"{RECEIVE}/stack", "--netns", two.b.name, "-o", str(path), "--print", *arguments)
    with tracer.collect(*options) as collecting:
        two.run(two.a, ["ping", "-c", "3", "-i", "0.1", two.b.ipv4])
        two.run(two.a, ["ping", "-c", "1", two.b.ipv6])
    assert collecting.exit_code == 0, collecting.report()
    return collecting.stdout


@bpf
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("options", [(), ("-e",), ("--format", "single-line"), ("-e", "--format", "single-line")])
def test_a_file_is_printed_as_its_events_were(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, kind: str, options: tuple[str, ...]
) -> None:
    path = tmp_path / f"events.{kind}"
    text = collected(tracer, two_netns, path, *options)
    renamed = path.rename(tmp_path / "events")  # what is in it decides
    printed = tracer.run("print", str(renamed), *options)
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.endswith(text)
    about = printed.stdout.removesuffix(text)
    assert f"collected with tracer {__version__}" in about
    assert about.count("\n") == (1 if "single-line" in options else 5)
    assert text.count("proto ICMP ") >= 3


@bpf
@pytest.mark.parametrize("kind", KINDS)
def test_dates_are_those_of_the_run(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"events.{kind}"
    before = datetime.now(UTC)
    text = collected(tracer, two_netns, path, "--utc", "--format", "single-line")
    after = datetime.now(UTC)
    first, printed = tracer.run("print", str(path), "--utc", "--format", "single-line").stdout.split("\n", 1)
    assert before - timedelta(seconds=1) <= datetime.fromisoformat(f"{first[:26]}+00:00") <= after
    for shown in (text, printed):
        dates = [datetime.fromisoformat(f"{line[:26]}+00:00") for line in shown.splitlines()]
        assert len(dates) >= 4
        assert all(before - timedelta(seconds=1) <= date <= after + timedelta(seconds=1) for date in dates)
    # both measure by how much one clock is ahead of the other
    assert re.sub(r"\.\d{6} ", " ", text) == re.sub(r"\.\d{6} ", " ", printed)


def retis_file(path: Path, *events: object) -> Path:
    path.write_text("".join(json.dumps(event) + "\n" for event in (STARTUP, *events)))
    return path


def test_a_file_of_retis_is_printed(tracer: Tracer, tmp_path: Path) -> None:
    path = retis_file(tmp_path / "retis.data", EVENT)
    about = "1\n  collected with Retis v1.7.0\n  on machine 6.12 #1 x86_64\n  cmdline retis collect -o\n\n"
    assert tracer.run("print", str(path)).stdout == about + "2048 (1) [ping] 10/11 [k] ip_rcv\n\n"
    utc = tracer.run("print", str(path), "--utc", "--format", "single-line")
    assert utc.stdout.splitlines() == [
        "2023-11-14 22:13:20.000005 collected with Retis v1.7.0 on machine 6.12 #1 x86_64 cmdline retis collect -o",
        "2023-11-14 22:13:20.000007 (1) [ping] 10/11 [k] ip_rcv",
    ]


def test_sections_of_collectors_that_are_not_installed_are_shown_by_field_with_one_warning(
    tracer: Tracer, tmp_path: Path
) -> None:
    strange = {**EVENT, "strange": {"answer": 42, "name": "x"}}
    path = retis_file(tmp_path / "events.json", strange, strange)
    result = tracer.run("print", str(path), "--format", "single-line")
    assert result.returncode == 0
    assert result.stdout.splitlines()[1:] == ["2048 (1) [ping] 10/11 [k] ip_rcv strange answer 42 name x"] * 2
    assert result.stderr.count("section strange") == 1


def test_all_before_a_damage_is_printed(tracer: Tracer, tmp_path: Path) -> None:
    path = retis_file(tmp_path / "events.json", EVENT, EVENT)
    with path.open("a") as file:
        file.write("{broken\n" + json.dumps(EVENT) + "\n")
    result = tracer.run("print", str(path), "--format", "single-line")
    assert result.returncode == 1
    assert result.stdout.count("ip_rcv") == 2
    assert "line 4" in result.stderr


EVIL = "\x1b[2J\x9b1m\r\n4096 (0) [init] 1\u202e"
SHOWN = r"\x1b[2J\x9b1m\r\n4096 (0) [init] 1\u202e"


def test_names_in_a_file_command_no_terminal_and_forge_no_line(tracer: Tracer, tmp_path: Path) -> None:
    names = {"table_name": EVIL, "chain_name": EVIL, "verdict": EVIL, "verdict_chain_name": EVIL}
    event = {
        "common": {"timestamp": 2048, "smp_id": 1, "task": {"pid": 11, "tgid": 11, "comm": EVIL}},
        "kernel": {"symbol": EVIL, "probe_type": "kprobe", "stack_trace": [EVIL, "ip_rcv+0x8"]},
        "dev": {"name": EVIL, "ifindex": 1},
        "nft": {**names, "table_handle": 1, "chain_handle": 2, "policy": False},
        "ovs-detrace": {"ufid": [1, 2, 3, 4], "flow": 1, "sf_acts": 2, "dpflow": EVIL, "ofpflows": [EVIL]},
        "of-nobody": {"name": EVIL, EVIL: 1},
    }
    path = tmp_path / "evil.json"
    startup = {**STARTUP, "startup": {**STARTUP["startup"], "cmdline": EVIL}}
    path.write_text("".join(f"{json.dumps(line)}\n" for line in (startup, event)))
    printed = tracer.run("print", str(path))
    assert printed.returncode == 0, printed.stderr
    assert printed.stdout.split("\n\n")[1].split("\n") == [
        f"2048 (1) [{SHOWN}] 11 [k] {SHOWN}",
        f"    {SHOWN}",
        "    ip_rcv+0x8",
        f"  if 1 ({SHOWN})",
        f"  table {SHOWN} (1) chain {SHOWN} (2) {SHOWN} chain {SHOWN}",
        f"  ufid:00000001-0000-0002-0000-000300000004 {SHOWN}",
        f"  openflow:{SHOWN}",
        f"  of-nobody name {SHOWN} {SHOWN} 1",
    ]
    single = tracer.run("print", str(path), "--format", "single-line").stdout
    assert single.count("\n") == 2
    for text in (printed.stdout, printed.stderr, single):
        assert all(map(str.isprintable, text.split("\n")))
    *_, read = tracer_core.open(path)
    assert f"chain {SHOWN} (2)" in str(read["nft"])
    assert read["nft"].chain_name == EVIL
    again = tmp_path / "again.json"
    assert tracer.run("convert", str(path), str(again)).returncode == 0
    assert json.loads(again.read_text().splitlines()[1])["nft"]["chain_name"] == EVIL


@pytest.mark.parametrize(
    ("content", "code", "reason"),
    [
        (None, 2, "cannot read"),
        (b"", 1, "it is empty"),
        (b"hello\n", 1, "it is neither an Arrow stream, nor Parquet, nor JSON lines"),
        (b"\xff\xff\xff\xff\0\0\0\0", 1, "is no"),
        (b"\x7fELF", 1, "it is neither an Arrow stream, nor Parquet, nor JSON lines"),
    ],
)
def test_what_is_no_event_file_is_refused(
    tracer: Tracer, tmp_path: Path, content: bytes | None, code: int, reason: str
) -> None:
    path = tmp_path / "file"
    if content is not None:
        path.write_bytes(content)
    result = tracer.run("print", str(path))
    assert result.returncode == code
    assert result.stdout == ""
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1
    assert str(path) in result.stderr
