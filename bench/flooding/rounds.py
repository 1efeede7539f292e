"""The measuring: timed rounds, and one run of each tool that is looked at closely instead."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from bench.flooding.network import PREFIX
from bench.flooding.processes import Peak, ToolError, cpu, memory, program_stats, runs, tree
from bench.flooding.tools import Tracer

from lab.errors import LabError
from tracer_core.errors import TracerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bench.flooding.network import Network, Sent
    from bench.flooding.tool import Count, Tool

FAILURES = (LabError, TracerError, ToolError, OSError)
_QUIET = 0.3  # seconds without use of CPU: all that came is written
_QUIET_WITHIN = 60.0  # seconds
_IDLE = 0.1  # of a processor


@dataclass(frozen=True)
class Round:
    """A flood with a tool, and one without any right before.

    Attributes:
        alone: Without.
        sent: With.
        count: What became of the events; nothing for what makes none.
        cpu: Seconds of CPU from readiness to the end.
        ending: Seconds from the interrupt to the end.
    """

    alone: Sent
    sent: Sent
    count: Count | None = None
    cpu: float = 0.0
    ending: float = 0.0


@dataclass(frozen=True)
class Close:
    """What a run told that was looked at closely, which disturbs it.

    Attributes:
        peak: Bytes that all processes held at most, from the start to the end.
        program: Nanoseconds that the kernel took for a run of a program, its own clock included; 0 if not known.
    """

    peak: int
    program: float


@dataclass(frozen=True)
class Long:
    """A run with several floods.

    Attributes:
        held: Bytes after each flood, once all was written.
        cpu: Seconds of CPU until then, from readiness on.
        events: Hits until then.
    """

    held: tuple[int, ...]
    cpu: tuple[float, ...]
    events: tuple[int, ...]

    @property
    def per_event(self) -> float:
        """Seconds of CPU for one more event, without what a run costs however many there are."""
        return (self.cpu[-1] - self.cpu[0]) / (self.events[-1] - self.events[0])


@dataclass
class Result:
    """All of one tool.

    Attributes:
        tool: It.
        rounds: One for each round.
        close: Of a run that was not timed.
        long: Of a run with several floods.
        trouble: Why there is nothing, or no more.
    """

    tool: Tool
    rounds: list[Round] = field(default_factory=list)
    close: Close | None = None
    long: Long | None = None
    trouble: str = ""


@dataclass(frozen=True)
class Measuring:
    """How to measure.

    Attributes:
        network: Where.
        packets: Of a flood.
        target: The folder for files; they are removed at once.
        told: Told how far it is.
    """

    network: Network
    packets: int
    target: Path | None
    told: Callable[[str], None]

    def prepared(self, tools: list[Tool], resources: ExitStack) -> list[Result]:
        """Get all tools what they need."""
        results = []
        for tool in tools:
            self.told(f"{tool.key}: preparing")
            try:
                results.append(Result(tool.prepare(resources)))
            except FAILURES as error:
                results.append(Result(tool, trouble=str(error)))
        return results

    def rounds(self, results: list[Result], number: int) -> None:
        """Run all in turns, so often."""
        self.network.flood(self.packets)
        with self._folder() as cache:
            for done in range(number):
                for result in results:
                    self.told(f"round {done + 1} of {number}: {result.tool.key}")
                    self._try(result, lambda tool: result.rounds.append(self._round(_cached(tool, cache))))  # noqa: B023

    def close(self, results: list[Result]) -> None:
        """Run each once more for memory and the time of programs. Tracer compiles."""
        for result in results:
            self.told(f"memory: {result.tool.key}")
            self._try(result, lambda tool: setattr(result, "close", self._close(tool)))  # noqa: B023

    def long(self, results: list[Result], floods: int) -> None:
        """See what tracer's variants that write Arrow hold after each of several floods."""
        for result in results:
            if result.tool.group == "arrow" and floods > 1:
                self.told(f"{floods} floods in one run: {result.tool.key}")
                self._try(result, lambda tool: setattr(result, "long", self._long(tool, floods)))  # noqa: B023

    def _round(self, tool: Tool) -> Round:
        alone = self.network.flood(self.packets)
        with self._folder() as folder, tool.running(self.network, folder) as running:
            sent = self.network.flood(self.packets)
            if running.processes is None or running.count is None:
                return Round(alone, sent)
            time.sleep(running.linger)
            running.processes.stop()
            used = running.processes.cpu_end - running.processes.cpu_ready
            return Round(alone, sent, running.count(), used, running.processes.ending)

    def _close(self, tool: Tool) -> Close:
        with self._folder() as folder, Peak() as peak, program_stats(), tool.running(self.network, folder) as running:
            processes = running.processes
            roots = processes.pids if processes else [os.getpid()]
            before = runs(roots)
            self.network.flood(self.packets)
            after = runs(roots)
            if processes:
                processes.stop()
        ran = after["runs"] - before["runs"]
        return Close(peak.bytes, (after["ns"] - before["ns"]) / ran if ran else 0.0)

    def _long(self, tool: Tool, floods: int) -> Long:
        held, used, events = [], [], []
        with self._folder() as folder, tool.running(self.network, folder) as running:
            processes = running.processes
            assert processes is not None  # noqa: S101 - for the type checker
            hits = 0
            for _ in range(floods):
                hits += self.network.flood(self.packets).hits(tool.tracepoints)
                _settle(processes.pids)
                held.append(memory(tree(processes.pids)))
                used.append(cpu(processes.pids) - processes.cpu_ready)
                events.append(hits)
            processes.stop()
        return Long(tuple(held), tuple(used), tuple(events))

    def _try(self, result: Result, work: Callable[[Tool], None]) -> None:
        if result.trouble:
            return
        try:
            work(result.tool)
        except FAILURES as error:
            result.trouble = str(error)
            self.told(f"{result.tool.key}: {error}")

    @contextmanager
    def _folder(self) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-", dir=self.target) as name:
            yield Path(name)


def _cached(tool: Tool, folder: Path) -> Tool:
    """The same tool; tracer compiles in the first round only."""
    return replace(tool, cache=folder) if isinstance(tool, Tracer) else tool


def _settle(roots: list[int]) -> None:
    """Wait until processes have nothing to do any more."""
    deadline = time.monotonic() + _QUIET_WITHIN
    used = cpu(roots)
    while time.monotonic() < deadline:
        time.sleep(_QUIET)
        before, used = used, cpu(roots)
        if used - before < _IDLE * _QUIET:
            return
