"""Runs that a Python program starts: their events, and that they end with whatever has become of it."""

from __future__ import annotations

import gc
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import tracer_core
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from scripts.pages.blocks import Block

    from tracer_core.testing.netns import TwoNamespaces

PROBE = "tp:net:netif_receive_skb"


def collect(two: TwoNamespaces, **options: Any) -> tracer_core.Run:  # noqa: ANN401 - as tracer_core.collect
    defaults = {"collectors": "skb,skb-tracking", "probe": PROBE, "filter_packet": "icmp or icmp6"}
    return tracer_core.collect("--netns", two.a.name, netns=[two.b.name], **{**defaults, **options})


def ping(two: TwoNamespaces, count: int = 3, interval: str = "0.01") -> None:
    two.run(two.a, ["ping", "-n", "-q", "-c", str(count), "-i", interval, two.b.ipv4])


def wait_for_end(pid: int) -> None:
    deadline = time.monotonic() + patience(10)
    while Path(f"/proc/{pid}").exists():
        assert time.monotonic() < deadline, f"process {pid} goes on"
        time.sleep(0.01)


@pytest.mark.bpf
def test_events_come_while_the_run_goes_on_until_another_thread_stops_it(two_netns: TwoNamespaces) -> None:
    taken: list[tracer_core.Event] = []
    enough = threading.Event()
    with collect(two_netns) as run:

        def take() -> None:
            for event in run:
                taken.append(event)
                if len(taken) == 6:
                    enough.set()

        thread = threading.Thread(target=take)
        thread.start()
        ping(two_netns)
        assert enough.wait(patience(10)), run.messages
        assert "going on" in repr(run)
        run.stop()
        thread.join(patience(10))
    assert run.is_done
    assert len(taken) == 6
    assert run.dropped == 0
    assert {event.kernel.symbol for event in taken if event.kernel} == {"net:netif_receive_skb"}
    assert all("proto ICMP" in str(event) for event in taken)
    assert any("6 event(s) processed" in line for line in run.messages)
    assert list(run) == []
    assert run.about.command.startswith("tracer collect --netns ")


@pytest.mark.bpf
def test_journeys_come_when_they_have_ended_and_columns_are_what_is_left(two_netns: TwoNamespaces) -> None:
    with collect(two_netns, sort=True, probe=[PROBE, "tp:net:net_dev_start_xmit"], stop_after=12) as run:
        ping(two_netns, 2)
        journeys = list(islice(run.journeys(), 4))
        assert [len(journey) for journey in journeys] == [2] * 4
        assert [event.tracking.idx for event in journeys[0]] == [0, 1]
        ping(two_netns, 1)
        table = run.arrow().read_all()  # until --stop-after ends it
    assert table.num_rows == 4
    assert "tracking" in table.column_names


@pytest.mark.bpf
def test_who_is_slow_loses_events_which_are_counted_and_never_holds_up_the_run(two_netns: TwoNamespaces) -> None:
    with collect(two_netns, queue="1") as run:
        ping(two_netns, 1)
        next(run)  # so all is imported that takes its time
        ping(two_netns, 1000, "0.001")
        run.stop()
        count = 1 + sum(1 for _ in run)
    processed = re.findall(r"^(\d+) event\(s\) processed$", "\n".join(run.messages), re.MULTILINE)
    assert processed == ["2002"]
    assert run.dropped > 0
    assert count > 0
    assert count + run.dropped == 2002
    assert run.end == {}  # the kernel's side lost nothing


@pytest.mark.bpf
def test_an_exception_ends_the_run_and_so_does_its_being_forgotten(two_netns: TwoNamespaces) -> None:
    def fail(event: tracer_core.Event) -> None:
        raise ZeroDivisionError(event)

    run = collect(two_netns)
    ping(two_netns, 1)
    with pytest.raises(ZeroDivisionError), run:
        fail(next(run))
    assert run.is_done
    wait_for_end(run.pid)
    assert any("2 event(s) processed" in line for line in run.messages)
    forgotten = collect(two_netns)
    pid = forgotten.pid
    del forgotten
    gc.collect()
    wait_for_end(pid)


@pytest.mark.bpf
def test_the_run_of_the_reference_prints_events(capsys: pytest.CaptureFixture[str], shown: tuple[Block, ...]) -> None:
    (block,) = shown
    with subprocess.Popen(["ping", "-n", "-q", "-i", "0.1", "127.0.0.1"], stdout=subprocess.DEVNULL) as pinging:
        try:
            exec(compile(block.text, "python.md", "exec"), {"tracer": tracer_core})  # noqa: S102 - our own page
        finally:
            pinging.kill()
    assert capsys.readouterr().out.count("[tp] net:netif_receive_skb") == 3


@pytest.mark.bpf
def test_no_event_is_lost_between_one_way_to_take_them_and_another(two_netns: TwoNamespaces) -> None:
    with collect(two_netns, sort=True, probe=[PROBE, "tp:net:net_dev_start_xmit"], stop_after=24) as run:
        ping(two_netns, 6, "0.002")
        taken = len(next(run.journeys()))
        taken += len(next(run.journeys()))
        next(run)
        taken += 1 + len(next(run.journeys()))  # what is left of that one
        assert taken == 6
        taken += run.arrow().read_next_batch().num_rows
        taken += sum(map(len, run.journeys()))
    assert taken == 24


@pytest.mark.bpf
def test_a_run_that_hangs_is_killed_also_where_a_program_has_many_files(
    two_netns: TwoNamespaces, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(4096, hard), hard))
    with ExitStack() as files:
        files.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        for _ in range(1024):
            files.callback(os.close, os.open(os.devnull, os.O_RDONLY))
        run = collect(two_netns)
        os.kill(run.pid, signal.SIGSTOP)
        monkeypatch.setattr("tracer_core.python.child._PATIENCE", 0.2)
        with pytest.raises(tracer_core.RunError, match="was killed by SIGKILL"):
            run.close()
    assert run.is_done


PROGRAM = """
import sys, time, tracer_core
run = tracer_core.collect(collectors="skb", probe="tp:net:netif_receive_skb", netns=sys.argv[1])
print(run.pid, flush=True)
time.sleep(600)
"""


@pytest.mark.bpf
def test_the_run_ends_with_its_program_even_if_that_is_killed(two_netns: TwoNamespaces) -> None:
    argv = [sys.executable, "-c", PROGRAM, two_netns.a.name]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        assert Path(f"/proc/{pid}").exists()
        program.kill()
    wait_for_end(pid)


INTERRUPTED = """
import contextlib, sys, tracer_core
options = {"collectors": "skb", "probe": "tp:net:netif_receive_skb", "netns": sys.argv[1]}
with contextlib.suppress(KeyboardInterrupt), tracer_core.collect(**options) as run:
    print(run.pid, flush=True)
    for event in run:
        pass
print(run.is_done)
"""


@pytest.mark.bpf
def test_an_interruption_leaves_the_block_and_nothing_goes_on(two_netns: TwoNamespaces) -> None:
    argv = [sys.executable, "-c", INTERRUPTED, two_netns.a.name]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        pid = int(program.stdout.readline())
        program.send_signal(signal.SIGINT)
        assert program.stdout.read() == "True\n"
    assert program.returncode == 0
    wait_for_end(pid)


@pytest.mark.bpf
def test_a_run_that_is_killed_is_an_error(two_netns: TwoNamespaces) -> None:
    run = collect(two_netns)
    os.kill(run.pid, signal.SIGKILL)
    with pytest.raises(tracer_core.RunError, match="was killed by SIGKILL"), run:
        list(run)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"filter_pakcet": "icmp"}, tracer_core.UsageError, "Did you mean.*--filter-packet"),
        ({"collectors": "sbk"}, tracer_core.PluginError, "sbk"),
        ({"probe": "tp:no:such"}, tracer_core.UsageError, "probe tp:no:such"),
        ({"stop_after": -1}, tracer_core.UsageError, "stop-after"),
        ({"stop_after": True}, tracer_core.UsageError, "Option '--stop-after' requires an argument"),
        ({"queue": "much"}, tracer_core.UsageError, "Invalid value for '--queue': 'much' is not a size"),
        ({"profile": "nope"}, tracer_core.UsageError, "nope"),
        ({"dry_run": True}, tracer_core.UsageError, "--dry-run: a program takes the events"),
        ({"probe": b"tp:net:netif_rx"}, TypeError, "probe: b'tp:net:netif_rx' is no value of an option"),
    ],
)
def test_what_the_command_line_refuses_is_an_exception_with_its_words(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        tracer_core.collect(**{"collectors": "skb", **options})
