"""Probes in processes, in guests: a collector sees what a program passed, whatever the kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.user_probes import COLLECTOR, SOURCE, to_the_function, to_the_probe

from tracer_core.testing.pytest_plugin import or_unavailable
from tracer_core.testing.usdt import ProbeProgram, compile_program, running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer

pytestmark = pytest.mark.bpf

LINES = ((1, "one"), (-5, "minus-five"), (0x7FFF_FFFF, "sixteen-letters!"))


@pytest.fixture
def fired(tmp_path: Path) -> Iterator[ProbeProgram]:
    """The program with probes."""
    with or_unavailable():
        program = compile_program(SOURCE, tmp_path)
    with running(program) as made:
        yield made


@pytest.fixture(autouse=True)
def _collector(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(COLLECTOR))


def watched(tracer: Tracer, fired: ProbeProgram, places: str, each: int) -> list[str]:
    """The text of events at these places, *each* of them for each of ``LINES``."""
    arguments = ("-c", "watching", "--watching-process", str(fired.process.pid), "--watching-places", places)
    with tracer.collect(*arguments, "--format", "single-line") as collecting:
        for number, text in LINES:
            fired.fire(f"{number} {text}")
        collecting.wait_for(" [u] ", count=each * len(LINES))
    assert fired.fire("1 after") == "0", "a semaphore stayed raised"
    return [line.partition(" [u] ")[2] for line in collecting.stdout.splitlines()]


def test_usdt_arguments_arrive_as_they_were_passed(tracer: Tracer, fired: ProbeProgram, support: Support) -> None:
    expected = [passed.shown for line in LINES for passed in to_the_probe(*line)]
    assert watched(tracer, fired, "fired:numbers", 2) == [f"fired:numbers (fired) {shown}" for shown in expected]
    support.works("USDT")


def test_arguments_of_a_function_arrive_as_they_were_passed(
    tracer: Tracer, fired: ProbeProgram, support: Support
) -> None:
    expected = [to_the_function(*line).shown for line in LINES]
    assert watched(tracer, fired, "fired_function", 1) == [f"fired_function (fired) {shown}" for shown in expected]
    support.works("uprobe")
