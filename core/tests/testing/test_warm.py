"""Runs that are forked against runs that are started: same output, same exit codes, same ends."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from subprocess import TimeoutExpired

import pytest

from tracer_core.testing import warm
from tracer_core.testing.command import Tracer, executable
from tracer_core.testing.patience import patience

TRACEPOINT = ("-c", "skb", "-p", "tp:net:netif_receive_skb")


def test_there_are_no_forks_unless_they_are_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(warm.VARIABLE, raising=False)
    assert not warm.is_possible()
    monkeypatch.setenv(warm.VARIABLE, "1")
    assert warm.is_possible()


def test_with_other_modules_there_are_no_forks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(warm.VARIABLE, "1")
    assert warm.is_possible()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert not warm.is_possible()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["collect", "--help"], 0),  # as wide as the environment says
        (["plugins"], 0),
        (["print", "missing.json"], 2),  # a file in the folder that we are in
        (["collect", "--never"], 2),
        (["nothing"], 2),
    ],
)
def test_a_fork_says_and_returns_what_a_start_does(
    arguments: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracer = Tracer(executable(), tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "77")
    monkeypatch.delenv(warm.VARIABLE, raising=False)
    started = tracer.run(*arguments)
    monkeypatch.setenv(warm.VARIABLE, "1")
    forked = tracer.run(*arguments)
    assert (forked.returncode, forked.stdout, forked.stderr) == (code, started.stdout, started.stderr)


@pytest.mark.bpf
def test_a_fork_collects_until_it_is_interrupted_and_compiles_by_itself(
    tracer: Tracer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(warm.VARIABLE, "1")
    monkeypatch.setenv("TRACER_CACHE_DIR", str(tmp_path / "cache"))
    with tracer.collect(*TRACEPOINT) as collecting:
        assert isinstance(collecting.process, warm.Forked)
        assert collecting.process.poll() is None
        arguments = Path(f"/proc/{collecting.process.pid}/cmdline").read_text().split("\0")
        assert arguments[0] == sys.executable
    assert collecting.exit_code == 0, collecting.report()
    assert list((tmp_path / "cache").iterdir())
    with tracer.collect(*TRACEPOINT) as collecting:
        collecting.process.kill()
        assert collecting.process.wait(patience(10)) == -signal.SIGKILL


@pytest.mark.bpf
def test_one_that_does_not_end_is_told_and_killed(tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(warm.VARIABLE, "1")
    with pytest.raises(TimeoutExpired):
        tracer.run("collect", *TRACEPOINT, timeout=2)
