"""The command, of which nothing may be left, and where it looks."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.bad_input.command import PROBE, Command, is_running, wait_until
from tests.programs import held_programs, our_programs

from tracer_core.testing.command import Tracer
from tracer_core.testing.netns import TwoNamespaces


@pytest.fixture
def command(tracer: Tracer, tmp_path: Path) -> Iterator[Command]:
    """The command; nothing of what it ran is there afterwards: no process, no program in the kernel."""
    privileged = os.geteuid() == 0
    before = our_programs() if privileged else set()
    command = Command(tracer.path, tmp_path)
    yield command
    command.close()
    assert wait_until(lambda: not any(map(is_running, command.processes))), "a process was left behind"
    if privileged:
        # others may be tracing on this machine: theirs are held by their processes, ours by nobody
        assert wait_until(lambda: not our_programs() - before - held_programs()), "a program was left behind"


@pytest.fixture
def here(two_netns: TwoNamespaces) -> tuple[str, ...]:
    """Arguments that limit a run to namespaces of its own."""
    return ("-p", PROBE, "--netns", two_netns.a.name, "--netns", two_netns.b.name)
