"""Nothing is lost in silence: what was sent is what was received and what was reported lost, to the packet."""

from __future__ import annotations

import fcntl
import re
import signal
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.errors import UsageError
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.sections import Packet
from tracer_core.testing.command import wait_ready
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.pages.blocks import Block

    from tracer_core.sections import Event
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

READERS: dict[str, type[ArrowEventsReader | JsonLinesReader]] = {"arrow": ArrowEventsReader, "json": JsonLinesReader}
RECEIVE = "tp:net:netif_receive_skb"
PORT = 7777
SHOWN = "4711"
"""Events that are lost on the page."""
# on one processor: on two, packets may overtake each other
SEND = """
import os, socket, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sender.connect((sys.argv[1], int(sys.argv[2])))
for number in range(int(sys.argv[3])):
    sender.send(b"%64d" % number)
"""
_QUIET = """
echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6
ip neigh replace {address} lladdr {mac} dev {device} nud permanent
"""


@pytest.fixture
def quiet(two_netns: TwoNamespaces) -> TwoNamespaces:
    """Two namespaces in which no packet passes but those that a test sends, and nobody answers those."""
    two = two_netns
    for here, there in ((two.a, two.b), (two.b, two.a)):
        mac = two.run(there, ["cat", f"/sys/class/net/{there.device}/address"]).stdout.strip()
        two.run(here, ["sh", "-ec", _QUIET.format(address=there.ipv4, mac=mac, device=here.device)])
    two.run(
        two.b, ["sh", "-ec", "echo 0 > /proc/sys/net/ipv4/icmp_ratelimit; echo 1 > /proc/sys/net/ipv4/icmp_ratemask"]
    )
    return two


@pytest.fixture
def receiver(quiet: TwoNamespaces) -> Iterator[socket.socket]:
    """A socket without which packets would be answered by errors."""
    with quiet.b.entered():
        listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with listening:
        listening.bind((quiet.b.ipv4, PORT))
        yield listening


def send(two: TwoNamespaces, count: int) -> None:
    two.run(two.a, [sys.executable, "-c", SEND, two.b.ipv4, str(PORT), str(count)])


def command(two: TwoNamespaces, count: int) -> str:
    """The same for ``--cmd``."""
    script = SEND.strip().replace("\n", "\\n").replace('"', '\\"')
    return f"nsenter --net={two.a.path} {sys.executable} -c 'exec(\"{script}\")' {two.b.ipv4} {PORT} {count}"


def options(two: TwoNamespaces, *more: str) -> tuple[str, ...]:
    return ("-c", "skb", "-p", RECEIVE, "--netns", two.b.name, "--format", "single-line", *more)


def numbers(events: list[Event]) -> list[int]:
    """What the packets of events count, in order."""
    packets = [packet for event in events if (packet := event.get(Packet)) is not None]
    return [int(packet.data[42:106]) for packet in packets]


@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize("kind", ["arrow", "json"])
def test_what_was_sent_is_in_the_file_or_counted_there_as_lost_when_a_tiny_ring_overflows(
    tracer: Tracer,
    quiet: TwoNamespaces,
    tmp_path: Path,
    kind: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    sent, path = 20_000, tmp_path / f"events.{kind}"
    with tracer.collect(*options(quiet, "--ring-size", "4K", "-o", str(path))) as collecting:
        send(quiet, sent)
    assert collecting.exit_code == 0, collecting.report()
    with READERS[kind](path, (Packet,)) as file:
        events = list(file)
        lost = file.end["lost"]
    assert lost[RECEIVE] > sent / 10, "the ring was large enough for all"
    assert len(events) + lost[RECEIVE] == sent
    received = numbers(events)
    assert received == sorted(set(received))
    # each event tells how many its CPU had lost before: gaps can be placed
    for cpu in {event.header.cpu for event in events}:
        before = [event.header.lost for event in events if event.header.cpu == cpu]
        assert before == sorted(before)
    assert f"lost {lost[RECEIVE]} event(s) from net:netif_receive_skb" in collecting.stderr
    assert f"total events lost: {lost[RECEIVE]}" in collecting.stderr
    assert f"events were lost in the run, and are not in it: {lost}" in caplog.text


@pytest.mark.usefixtures("receiver")
def test_losses_are_told_while_they_happen_but_not_all_the_time(
    tracer: Tracer, quiet: TwoNamespaces, shown: tuple[Block, ...]
) -> None:
    told, at_the_end = (re.compile(f"^{re.escape(block.text)}".replace(SHOWN, r"(\d+)"), re.M) for block in shown)
    with tracer.collect(*options(quiet, "--ring-size", "4K")) as collecting:
        deadline = time.monotonic() + patience(10.0)
        while "event(s) so far" not in collecting.stderr and time.monotonic() < deadline:
            send(quiet, 5_000)
        send(quiet, 5_000)
        live = told.findall(collecting.stderr)
    assert len(live) == 1, collecting.stderr
    ((of_probe, total),) = at_the_end.findall(collecting.stderr)
    assert int(live[0]) <= int(total) == int(of_probe)


@pytest.mark.usefixtures("receiver")
def test_no_event_of_a_command_is_lost_when_it_ends(tracer: Tracer, quiet: TwoNamespaces, tmp_path: Path) -> None:
    for count in (1, 1_000, 30_000):
        path = tmp_path / f"{count}.arrow"
        result = tracer.run("collect", *options(quiet, "-o", str(path), "--cmd", f"{command(quiet, count)}; exit 3"))
        assert result.returncode == 0, result.stderr
        assert "Command returned (exit status: 3), terminating ..." in result.stderr
        assert result.stdout == ""
        with ArrowEventsReader(path, (Packet,)) as file:
            assert numbers(list(file)) == list(range(count))


@pytest.mark.usefixtures("receiver")
@pytest.mark.parametrize("kind", ["", *READERS])
def test_a_run_stops_after_as_many_events_as_were_asked_for(
    tracer: Tracer, quiet: TwoNamespaces, tmp_path: Path, kind: str
) -> None:
    path = tmp_path / f"events.{kind}"
    out = ("-o", str(path), "--print") if kind else ()
    with tracer.collect(*options(quiet, "--stop-after", "7", *out)) as collecting:
        send(quiet, 5_000)
        assert collecting.process.wait(patience(10.0)) == 0
    assert len(collecting.stdout.splitlines()) == 7
    assert "Reached stop count (7), terminating..." in collecting.stderr
    assert "7 event(s) processed" in collecting.stderr
    if kind:
        with READERS[kind](path, (Packet,)) as file:
            assert numbers(list(file)) == list(range(7))


@pytest.mark.usefixtures("receiver")
def test_a_run_says_that_it_has_as_many_as_were_asked_for_also_if_its_command_ends_first(
    tracer: Tracer, quiet: TwoNamespaces
) -> None:
    result = tracer.run("collect", *options(quiet, "--stop-after", "7", "--cmd", command(quiet, 100)))
    assert len(result.stdout.splitlines()) == 7
    assert result.stderr.count("Reached stop count (7), terminating...\n") == 1


def test_an_empty_command_ends_at_once_as_in_the_shell(tracer: Tracer, quiet: TwoNamespaces) -> None:
    assert "Command returned (exit status: 0)" in tracer.run("collect", *options(quiet, "--cmd", "")).stderr


def test_a_command_and_what_it_started_end_with_the_run(tracer: Tracer, quiet: TwoNamespaces, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 1000 & echo $! $$ > {pids}.new; mv {pids}.new {pids}; wait"
    with tracer.collect(*options(quiet, "--cmd", script)) as collecting:
        deadline = time.monotonic() + patience(10.0)
        while not pids.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        started = [int(pid) for pid in pids.read_text().split()]
        assert all(map(is_running, started))
    assert collecting.exit_code == 0, collecting.report()
    assert not any(map(is_running, started))
    assert "Command returned" not in collecting.stderr


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"  # of those nobody waits for


def test_what_a_command_complains_of_is_told_and_so_is_that_nothing_came(tracer: Tracer, quiet: TwoNamespaces) -> None:
    result = tracer.run("collect", *options(quiet, "--cmd", "echo said; no-such-program"))
    assert (result.returncode, result.stdout) == (0, "")
    complaint, *rest = result.stderr.splitlines()[-5:]
    assert re.fullmatch(r"sh: 1: no-such-program: not found", complaint)
    assert rest[:3] == [
        "Command returned (exit status: 127), terminating ...",
        "0 event(s) processed",
        "nothing that matches --netns passed a probe",
    ]


def test_a_shell_that_is_not_there_is_an_error_and_nothing_stays(
    tracer: Tracer, quiet: TwoNamespaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    result = tracer.run("collect", *options(quiet, "--cmd", "true"))
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == "Error: --cmd: cannot run sh: No such file or directory; is it in PATH?"


@pytest.mark.usefixtures("receiver")
def test_all_whole_batches_of_a_run_that_was_killed_can_be_read(
    tracer: Tracer, quiet: TwoNamespaces, tmp_path: Path
) -> None:
    path = tmp_path / "events.arrow"
    with tracer.collect(*options(quiet, "-o", str(path))) as collecting:
        empty = path.stat().st_size
        deadline = time.monotonic() + patience(20.0)
        while path.stat().st_size < empty + 100_000 and time.monotonic() < deadline:
            send(quiet, 5_000)
        collecting.process.send_signal(signal.SIGKILL)
        collecting.process.wait()
    with ArrowEventsReader(path, (Packet,)) as file:
        received = numbers(list(file))
        assert not file.whole
    assert len(received) > 2_000
    assert received == [number % 5_000 for number in range(len(received))]
    with pytest.raises(UsageError, match="cannot read"):
        ArrowEventsReader(tmp_path / "other.arrow", ())


def waiting_bytes(pipe: int) -> int:
    """That its reader has not taken."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


@pytest.mark.usefixtures("receiver")
def test_a_second_signal_ends_a_run_whose_output_nobody_takes(
    tracer: Tracer, quiet: TwoNamespaces, tmp_path: Path
) -> None:
    ready = tmp_path / "ready"
    argv = [str(tracer.path), "collect", *options(quiet), "--ready-file", str(ready)]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        wait_ready(process, ready, patience(60.0))
        deadline = time.monotonic() + patience(60.0)
        send(quiet, 5_000)  # more than a pipe holds
        assert process.stdout is not None
        assert process.stderr is not None
        while waiting_bytes(process.stdout.fileno()) < 60_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        lines = iter(process.stderr.readline, "")
        assert any("Received signal, terminating..." in line for line in lines)
        process.send_signal(signal.SIGINT)
        assert process.wait(patience(10.0)) == 1
        last = process.stderr.read().splitlines()[-1]
    assert last == "Error: interrupted before all events were written; nothing is left attached"


@pytest.mark.usefixtures("receiver")
def test_a_file_that_cannot_grow_has_all_whole_batches_and_the_run_says_where_it_stopped(
    tracer: Tracer, quiet: TwoNamespaces, tmp_path: Path
) -> None:
    path, ready = tmp_path / "events.arrow", tmp_path / "ready"
    # what a full disk does, without filling one
    argv = ["prlimit", "--fsize=600000", str(tracer.path), "collect", *options(quiet, "-o", str(path))]
    with subprocess.Popen([*argv, "--ready-file", str(ready)], stderr=subprocess.PIPE, text=True) as process:
        wait_ready(process, ready, patience(60.0))
        deadline = time.monotonic() + patience(60.0)
        while process.poll() is None and time.monotonic() < deadline:
            send(quiet, 300)
        assert process.wait(patience(10.0)) == 1
        assert process.stderr is not None
        error = process.stderr.read().splitlines()[-1]
    with ArrowEventsReader(path, (Packet,)) as file:
        received = numbers(list(file))
        assert file.end["stopped"] == error.removeprefix("Error: ")
    stopped = r"File too large, after (\d+) event\(s\); what was written before is whole: (\d+) bytes"
    said = re.fullmatch(f"Error: cannot write {path}: {stopped}", error)
    assert said, error
    events, size = map(int, said.groups())
    assert len(received) == events > 300
    assert size <= path.stat().st_size <= 600_000
    assert received == [number % 300 for number in range(len(received))]
