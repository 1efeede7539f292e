"""What tools use, with all processes below theirs: CPU, memory, and time of their programs in the kernel."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_core.testing.command import end_with_parent
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_TICK = os.sysconf("SC_CLK_TCK")  # per second
_ENDS_WITHIN = 120.0  # seconds: a slow writer has all of a flood before it
_POLL = 0.005  # seconds
_SAMPLE = 0.01  # seconds
_BPF_STATS_RUN_TIME = 0
_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.MULTILINE)
_RUNS = re.compile(r"^run_time_ns:\s+(\d+)\nrun_cnt:\s+(\d+)", re.MULTILINE)
_ID = re.compile(r"^prog_id:\s+(\d+)\n", re.MULTILINE)


class ToolError(Exception):
    """A tool did not do what it was started for; the message says which and why."""


def tree(roots: Sequence[int]) -> list[int]:
    """These processes and all below them."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            children.setdefault(int(_stat(path)[1]), []).append(int(path.parent.name))
    found = list(roots)
    for pid in found:  # grows as it goes
        found += children.get(pid, [])
    return found


def cpu(roots: Sequence[int]) -> float:
    """Seconds of CPU, user and system, of them, of all below and of those below that ended."""
    ticks = 0
    for pid in tree(roots):
        with suppress(OSError):
            ticks += sum(map(int, _stat(Path(f"/proc/{pid}/stat"))[11:15]))
    return ticks / _TICK


def memory(pids: Iterable[int]) -> int:
    """Bytes that these processes hold now, shared ones divided among those who share (PSS)."""
    total = 0
    for pid in pids:
        with suppress(OSError):  # it ended
            if found := _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text()):
                total += int(found[1]) * 1024
    return total


def links(pid: int) -> int:
    """How many tracepoints its programs are attached to."""
    return sum("link_type:\traw_tracepoint" in text for text in _fdinfo(pid))


def runs(roots: Sequence[int]) -> Counter[str]:
    """Nanoseconds and number of runs of the programs that they hold, as far as :func:`program_stats` counted."""
    seen: dict[str, re.Match[str]] = {}
    for pid in tree(roots):
        for text in _fdinfo(pid):
            if (number := _ID.search(text)) and (counts := _RUNS.search(text)):
                seen[number[1]] = counts
    total = Counter(ns=0, runs=0)
    for counts in seen.values():
        total.update(ns=int(counts[1]), runs=int(counts[2]))
    return total


@contextmanager
def program_stats() -> Iterator[None]:
    """The kernel takes the time of every run of a program, which costs two looks at the clock.

    Raises:
        OSError: it does not.
    """
    library = ctypes.CDLL("libbpf.so.1", use_errno=True)
    fd = library.bpf_enable_stats(_BPF_STATS_RUN_TIME)
    if fd < 0:
        raise OSError(ctypes.get_errno(), "bpf_enable_stats")
    try:
        yield
    finally:
        os.close(fd)


class Peak:
    """The most memory that all processes below this one held at once; look at :attr:`bytes` after the block.

    Looking disturbs what is looked at: not for runs that are timed.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Peak:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        mine = os.getpid()
        while not self._over.wait(_SAMPLE):
            self.bytes = max(self.bytes, memory([pid for pid in tree([mine]) if pid != mine]))


@dataclass
class Processes:
    """What a tool was started as.

    Attributes:
        name: For messages.
        started: Them.
        log: What they complain of.
        cpu_ready: Seconds of CPU until it was ready.
        cpu_end: Seconds of CPU until it ended, once it did.
        ending: Seconds from the interrupt to the end, once it ended.
    """

    name: str
    log: Path
    started: list[subprocess.Popen[Any]] = field(default_factory=list)
    cpu_ready: float = 0.0
    cpu_end: float = 0.0
    ending: float = 0.0

    @property
    def pids(self) -> list[int]:
        """Their numbers."""
        return [process.pid for process in self.started]

    def complaint(self) -> str:
        """The last line of the log."""
        return ["", *self.log.read_text(errors="replace").strip().splitlines()][-1]

    def check(self) -> None:
        """Raise unless all run.

        Raises:
            ToolError: one ended.
        """
        if any(process.poll() is not None for process in self.started):
            raise ToolError(f"{self.name} ended early: {self.complaint()}")

    def wait(self, ready: Callable[[], bool]) -> None:
        """Wait until events can come, and note what was used until then.

        Args:
            ready: Whether they can.

        Raises:
            ToolError: one ended, or took too long.
        """
        deadline = time.monotonic() + patience(_ENDS_WITHIN)
        while not ready():
            self.check()
            if time.monotonic() > deadline:
                raise ToolError(f"{self.name} was not ready after {patience(_ENDS_WITHIN):g} s: {self.complaint()}")
            time.sleep(_POLL)
        self.cpu_ready = cpu(self.pids)

    def stop(self) -> None:
        """Interrupt all as ^C does, wait for them, and note what they used.

        Raises:
            ToolError: one had ended before, does not end, or failed.
        """
        self.check()
        began, used = time.monotonic(), 0.0
        for process in self.started:
            process.send_signal(signal.SIGINT)
        for process in self.started:
            used += self._reap(process, began + patience(_ENDS_WITHIN))
        self.ending = time.monotonic() - began
        self.cpu_end = used
        if codes := [process.returncode for process in self.started if process.returncode]:
            raise ToolError(f"{self.name} ended with {codes[0]}: {self.complaint()}")

    def kill(self) -> None:
        """End what still runs."""
        for process in self.started:
            if process.returncode is None:
                process.kill()
                process.wait()

    def _reap(self, process: subprocess.Popen[Any], deadline: float) -> float:
        while True:
            # not Popen.wait: this tells what it used, and those below that it waited for
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                process.returncode = os.waitstatus_to_exitcode(status)
                return usage.ru_utime + usage.ru_stime
            if time.monotonic() > deadline:
                raise ToolError(f"{self.name} did not end within {patience(_ENDS_WITHIN):g} s")
            time.sleep(_POLL)


def _stat(path: Path) -> list[str]:
    """From the state on: names of processes may have anything in them."""
    return path.read_text().rpartition(")")[2].split()


def _fdinfo(pid: int) -> Iterator[str]:
    with suppress(OSError):
        for path in Path(f"/proc/{pid}/fdinfo").iterdir():
            with suppress(OSError):
                yield path.read_text()


@contextmanager
def started(key: str, folder: Path, argvs: Sequence[Sequence[str]], environment: dict[str, str]) -> Iterator[Processes]:
    """Programs that run within the block; then they are killed, if they still run.

    Args:
        key: Of the tool that they are.
        folder: Where their messages go, into ``log``.
        argvs: Their command lines.
        environment: Theirs.
    """
    processes = Processes(key, folder / "log")
    with processes.log.open("ab") as log:
        try:
            for argv in argvs:
                processes.started.append(
                    subprocess.Popen(
                        argv,
                        stdin=subprocess.DEVNULL,
                        stdout=subprocess.DEVNULL,
                        stderr=log,
                        env=environment,
                        preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
                    )
                )
            yield processes
        finally:
            processes.kill()
