"""Signals, at any time: a run ends with what it has, and nothing is left."""

from __future__ import annotations

import os
import re
import signal

import pytest
from tests.bad_input.command import Command, ping
from tests.programs import our_programs

from tracer_core.testing.netns import TwoNamespaces

bpf = pytest.mark.bpf
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP]


@bpf
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
def test_a_signal_ends_a_run_with_its_events_and_their_number(
    command: Command, two_netns: TwoNamespaces, here: tuple[str, ...], number: signal.Signals
) -> None:
    with command.collecting("-c", "skb", *here) as process:
        ping(two_netns)
        os.killpg(process.pid, number)
        os.killpg(process.pid, number)
        result = command.end(process)
    assert result.code == 0
    events = len(re.findall(r"^\d+ \(\d+\) .* \[tp\] ", result.out, re.MULTILINE))
    assert events >= 6
    *said, seen = result.err.splitlines()
    assert said == ["1 probe(s) loaded", "Received signal, terminating...", f"{events} event(s) processed"]
    assert re.fullmatch(r"seen in \d+\.\d s: 0 event\(s\) lost", seen)


@bpf
@pytest.mark.parametrize("number", SIGNALS, ids=lambda number: number.name)
@pytest.mark.parametrize("phase", ["kernel view", "plan", "compose", "load"])
def test_a_signal_during_the_start_ends_it_without_a_traceback(
    command: Command, here: tuple[str, ...], number: signal.Signals, phase: str
) -> None:
    process = command.start("--log-level", "debug", "collect", "-c", "skb", *here)
    assert process.stderr is not None
    for line in process.stderr:
        if f"phase {phase}:" in line:
            os.killpg(process.pid, number)
            break
    result = command.end(process)
    last = {0: r"[\d:.]+ INFO  seen in .* s: 0 event\(s\) lost", 1: "Error: interrupted"}[result.code]
    assert re.fullmatch(last, result.err.splitlines()[-1])
    assert "Traceback" not in result.err


@bpf
def test_nothing_stays_attached_when_it_is_killed(command: Command, here: tuple[str, ...]) -> None:
    before = our_programs()
    with command.collecting("-c", "skb", *here) as process:
        assert our_programs() - before
        process.kill()
        assert command.end(process).code == -signal.SIGKILL
