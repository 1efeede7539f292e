"""What programs say reaches whoever runs them: in order, at its level, with its values, or counted as lost."""

from __future__ import annotations

import logging
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.pages.likeness import is_among
from tests.test_losses import command, quiet, receiver  # noqa: F401 - fixtures
from tests.test_start_up import DISTRIBUTIONS

from tracer_core.backend.machine import running_machine
from tracer_core.levels import LogLevel
from tracer_core.run.program_messages import ProgramMessages
from tracer_core.testing import planned
from tracer_core.testing.tried import Tried

if TYPE_CHECKING:
    import socket

    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

HELLO = Path(__file__).resolve().parent.parent / "examples/tracer-hello"
RECEIVE = "tp:net:netif_receive_skb"
LENGTH = 92  # of the datagrams, with their IP header
VALUES = rf"minus -{LENGTH}, plus {LENGTH}, hex {LENGTH:x}, at 0x[0-9a-f]+"
_MESSAGE = re.compile(
    r"^(?:[\d:.]+ )?(\w+) +\[eBPF\] ([-:. \d]+) speaking: (.*) \(speaking_collect at (\S+)\)$", re.MULTILINE
)


@pytest.fixture(autouse=True)
def _speaking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(DISTRIBUTIONS / "speaking"))


@pytest.fixture
def two(quiet: TwoNamespaces, receiver: socket.socket) -> TwoNamespaces:  # noqa: F811
    return quiet


def said(tracer: Tracer, level: str, two: TwoNamespaces, count: int, *more: str) -> str:
    """What a run says while that many datagrams are received."""
    options = ("-c", "speaking", "-p", RECEIVE, "--netns", two.b.name, "--cmd", command(two, count), *more)
    result = tracer.run("--log-level", level, "collect", *options)
    assert result.returncode == 0, result.stderr
    assert f"{count} event(s) processed" in result.stderr or level in ("warn", "trace")
    return result.stderr


def test_messages_come_in_order_at_their_level_with_their_values(tracer: Tracer, two: TwoNamespaces) -> None:
    text = said(tracer, "trace", two, 3)
    messages = _MESSAGE.findall(text)
    assert [(level, message) for level, _, message, _ in messages if level != "DEBUG"] == [
        ("ERROR", f"{LENGTH} bytes"),
        *[("TRACE", "100% of a")] * 3,
    ]
    assert [level for level, *_ in messages] == ["ERROR", *["DEBUG", "TRACE"] * 3]
    assert all(re.fullmatch(VALUES, message) for level, _, message, _ in messages if level == "DEBUG")
    assert {probe for *_, probe in messages} == {RECEIVE}
    times = [int(time) for _, time, *_ in messages]
    assert times == sorted(times)
    assert "[eBPF] speaking: 2 more like: %d bytes" in text


def test_less_important_messages_than_asked_for_are_not_there(tracer: Tracer, two: TwoNamespaces) -> None:
    messages = _MESSAGE.findall(said(tracer, "info", two, 2, "--utc"))
    assert [(level, message) for level, _, message, _ in messages] == [("ERROR", f"{LENGTH} bytes")]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}", messages[0][1])


def test_the_example_says_what_the_page_on_it_shows(
    tracer: Tracer, two: TwoNamespaces, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shown: tuple[Block, ...]
) -> None:
    code, said_of_a_ping = shown
    package = tmp_path / "tracer_hello"
    shutil.copytree(HELLO / "src/tracer_hello", package)
    added = "".join(line for line in code.text.splitlines(keepends=True) if "TRACER_LOG" in line)
    change(package / "hello.bpf.c", code.text.replace(added, ""), code.text)
    change(package / "plugin.py", "sections=(Hello,))", "sections=(Hello,), api=(1, 1))")
    facts = tmp_path / "tracer_hello-1.0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: tracer-hello\nVersion: 1.0\n")
    (facts / "entry_points.txt").write_text("[tracer.collectors]\nhello = tracer_hello.plugin\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    ping = f"ip netns exec {two.a.name} ping -c 1 {two.b.ipv4}"
    options = ("-c", "hello", "-p", RECEIVE, "--netns", two.b.name, "--cmd", ping)
    result = tracer.run("--log-level", "debug", "collect", *options)
    assert result.returncode == 0, result.stderr
    (line,) = said_of_a_ping.lines
    assert is_among(line, result.stderr.splitlines()), result.stderr


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_what_a_full_ring_does_not_take_is_counted(tracer: Tracer, two: TwoNamespaces) -> None:
    count = 10_000
    text = said(tracer, "trace", two, count, "--ring-size", "4K")
    written = len(_MESSAGE.findall(text)) + sum(map(int, re.findall(r"speaking: (\d+) more like", text)))
    (lost,) = map(int, re.findall(r"lost (\d+) message\(s\) of programs", text))
    assert lost > count / 10, "the ring was large enough for all"
    assert written + lost == 3 * count


def test_a_packet_whose_bytes_cannot_be_read_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    quiet_run = planned("skb", probes=[RECEIVE], typed=False)
    run = replace(
        quiet_run, prepared=replace(quiet_run.prepared, plan=replace(quiet_run.plan, log_level=LogLevel.DEBUG))
    )
    nowhere, skb = 0x1000, {"mac_header": 64, "network_header": 78, "transport_header": 98, "mac_len": 14}
    with Tried(run) as tried:
        tried.clear()
        tried.fill("sk_buff", 0, {**skb, "head": nowhere, "data": nowhere + 64, "len": 100})
        tried.trial.call("tracer_program_0", tried.address())
        messages = ProgramMessages(run.composed(running_machine()).messages, run.plan, clock_offset=None)
        messages.sift(tried.trial.read())
        told = f"100 bytes at {nowhere + 64:#x}, of the packet at {tried.address():#x}, cannot be read"
    assert f"skb: {told} (skb_collect_frame at {RECEIVE})" in caplog.text
