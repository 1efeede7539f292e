"""The tools that are compared: programs that do nothing, tracer, bpftrace and tcpdump, each around a flood."""

from __future__ import annotations

import os
import re
import shutil
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench.flooding import bpftrace
from bench.flooding.processes import Processes, ToolError, links, started
from bench.flooding.tool import Count, Running, Tool
from bench.hits import empty

from lab.errors import UnavailableError
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.request import Fixed
from tracer_core.testing.command import executable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from bench.flooding.network import Network

RING = 32 << 20  # bytes, for tools that let one say; what tracer has by default
LINGER = 1.5  # seconds: others drop what they have not read when they end, and tcpdump may read once a second only
SNAP = 256  # bytes of a packet for tcpdump: tracer takes 255


@dataclass(frozen=True)
class Empty(Tool):
    """Programs that return at once, attached to the same raw tracepoints: the least that anybody pays."""

    attached: tuple[Callable[[], AbstractContextManager[object]], ...] = ()

    def prepare(self, resources: ExitStack) -> Empty:
        """Load the programs."""
        kernel, abilities = LiveKernel(), replace(Fixed(), typed=False, multi=False)
        attached = (empty(resources, kernel, abilities, f"tp:{event}") for event in self.events)
        return replace(self, attached=tuple(attached))

    @contextmanager
    def running(self, network: Network, folder: Path) -> Iterator[Running]:
        """Attach them."""
        del network, folder
        with ExitStack() as attached:
            for make in self.attached:
                attached.enter_context(make())
            yield Running()


@dataclass(frozen=True)
class Tracer(Tool):
    """``tracer collect``.

    Attributes:
        suffix: Of the file to write; text to nowhere if there is none.
        options: More of its options.
        cache: Where it keeps compiled code: with a new folder, it compiles.
    """

    exact: bool = True
    suffix: str = ""
    options: tuple[str, ...] = ()
    cache: Path | None = None

    @contextmanager
    def running(self, network: Network, folder: Path) -> Iterator[Running]:
        """Start it, and wait for its ready file."""
        ready, target = folder / "ready", folder / f"events.{self.suffix}"
        argv = [str(executable()), "collect", *self.options, "--ready-file", str(ready)]
        argv += [word for event in self.events for word in ("-p", f"tp:{event}")]
        argv += [word for end in network.ends for word in ("--netns", end.name)]
        argv += ["-o", str(target)] if self.suffix else []
        environment = {**os.environ, "TRACER_CACHE_DIR": str(self.cache or folder / "cache")}
        with started(self.key, folder, [argv], environment) as processes:
            processes.wait(ready.exists)
            yield Running(processes, lambda: self._count(processes, target))

    def _count(self, processes: Processes, target: Path) -> Count:
        log = processes.log.read_text()
        processed = _number(r"(\d+) event\(s\) processed", log)
        lost = _number(r"total events lost: (\d+)", log, default=0)
        if not self.suffix:
            return Count(processed, lost)
        rows, told = arrow_rows(target) if self.suffix == "arrow" else json_rows(target)
        if (rows, told) != (processed, lost):
            raise ToolError(f"tracer: {rows} kept and {told} lost in the file, {processed} and {lost} as it said")
        return Count(rows, lost, target.stat().st_size)


@dataclass(frozen=True)
class Bpftrace(Tool):
    """bpftrace printing the same fields to a file.

    Attributes:
        start: How it is started.
    """

    start: tuple[str, ...] = ()

    def prepare(self, resources: ExitStack) -> Bpftrace:
        """Find or make the folder that it is in."""
        del resources
        start = tuple(bpftrace.command())
        return replace(self, start=start, title=f"{bpftrace.version(start)}, {self.title}")

    @contextmanager
    def running(self, network: Network, folder: Path) -> Iterator[Running]:
        """Start it, and wait until its programs are attached."""
        target = folder / "events.txt"
        argv = [*self.start, "-B", "full", "-o", str(target), "-e", bpftrace.program(self.events, network.ends)]
        environment = {**os.environ, "BPFTRACE_PERF_RB_PAGES": str(bpftrace.RING_PAGES)}
        with started(self.key, folder, [argv], environment) as processes:
            processes.wait(lambda: links(processes.pids[0]) >= self.tracepoints)
            yield Running(processes, lambda: self._count(processes, target), LINGER)

    def _count(self, processes: Processes, target: Path) -> Count:
        text = target.read_bytes()
        told = re.findall(rb"Lost (\d+) events", text + processes.log.read_bytes())
        return Count(text.count(b"[tp]"), sum(map(int, told)), len(text))


@dataclass(frozen=True)
class Tcpdump(Tool):
    """tcpdump at the device at either end, writing files."""

    def prepare(self, resources: ExitStack) -> Tcpdump:
        """Look for it."""
        del resources
        if shutil.which("tcpdump") is None:
            raise UnavailableError("tcpdump is not installed; on Debian, as root: apt-get install tcpdump")
        return self

    @contextmanager
    def running(self, network: Network, folder: Path) -> Iterator[Running]:
        """Start both, and wait until they listen."""
        files = [folder / f"{end.device}.pcap" for end in network.ends]
        options = ("-n", "-s", str(SNAP), "-B", str(RING >> 10), "-Z", "root")
        argvs = [
            ["ip", "netns", "exec", end.name, "tcpdump", "-i", end.device, *options, "-w", str(file)]
            for end, file in zip(network.ends, files, strict=True)
        ]
        with started(self.key, folder, argvs, dict(os.environ)) as processes:
            processes.wait(lambda: processes.log.read_text().count("listening on") == len(argvs))
            yield Running(processes, lambda: self._count(processes, files), LINGER)

    def _count(self, processes: Processes, files: Sequence[Path]) -> Count:
        log = processes.log.read_text()
        kept, lost = (
            sum(map(int, re.findall(what, log)))
            for what in (r"(\d+) packets? captured", r"(\d+) packets? dropped by kernel")
        )
        return Count(kept, lost, sum(file.stat().st_size for file in files))


def tools(options: Sequence[str]) -> list[Tool]:
    """All, in the order in which they run.

    Args:
        options: More of tracer's.
    """
    more = tuple(options)
    return [
        Tool("none", "no tracing", 0),
        Empty("empty-2", "empty programs"),
        Empty("empty-1", "empty program", 1),
        Tracer("arrow-2", "tracer, Arrow", suffix="arrow", options=more),
        Tracer("arrow-1", "tracer, Arrow", 1, suffix="arrow", options=more),
        Tracer("json", "tracer, JSON lines", suffix="json", options=more),
        Tracer("text", "tracer, text to /dev/null", options=more),
        Bpftrace("bpftrace", "text to a file"),
        Tcpdump("tcpdump", "tcpdump -w, both devices"),
    ]


def arrow_rows(path: Path) -> tuple[int, int]:
    """Events in a file, and those that it says were lost."""
    with ArrowEventsReader(path, ()) as reader:
        rows = sum(batch.count for batch in reader.batches())
        if not reader.whole:
            raise ToolError(f"{path.name} ends early")
        return rows, sum(reader.end.get("lost", {}).values())


def json_rows(path: Path) -> tuple[int, int]:
    """The same of JSON lines; as objects they would take longer to read than the flood."""
    rows, lost = 0, 0
    with path.open("rb") as file:
        for line in file:
            if b'"kernel":{' in line:
                rows += 1
            elif found := re.search(rb'"lost":(\{[^}]*\})', line):
                lost += sum(map(int, re.findall(rb":(\d+)[,}]", found[1])))
    return rows, lost


def _number(pattern: str, text: str, default: int | None = None) -> int:
    if found := re.search(pattern, text):
        return int(found[1])
    if default is None:
        raise ToolError(f"tracer did not say {pattern!r}: {text.strip()}")
    return default
