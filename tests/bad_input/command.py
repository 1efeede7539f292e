"""``tracer``, as somebody runs it who gets something wrong."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tracer_core.errors import ExitCode
from tracer_core.testing import kernels
from tracer_core.testing.command import wait_ready
from tracer_core.testing.netns import TwoNamespaces

DISTRIBUTIONS = Path(__file__).resolve().parents[1] / "fixtures/distributions"
KERNEL = str(Path(kernels.__file__).parent / "6.18")
PROBE = "tp:net:netif_receive_skb"
INFORMATION = re.compile(
    r"\d+ (probe|event)\(s\) (loaded|processed)|Received signal, terminating\.\.\.|raising (begins|ends)"
    r"|seen in .*|nothing (that matches .* )?passed a probe|Collector\(s\) started: .*|L2\+L3 packet filter\(s\) loaded"
)
SECONDS = 60


@dataclass(frozen=True)
class Result:
    """How ``tracer`` ended, and what it said."""

    code: int
    out: str
    err: str

    def error(self, code: ExitCode) -> str:
        """The one line of trouble, after which nothing was said."""
        assert self.code == code, self.err
        lines = self.err.splitlines()
        errors = [line for line in lines if not INFORMATION.fullmatch(line)]
        assert len(errors) == 1, self.err
        assert errors[0].startswith("Error: "), self.err
        return errors[0].removeprefix("Error: ")


@dataclass
class Command:
    """``tracer``, as somebody runs it who gets something wrong.

    Attributes:
        path: The executable.
        folder: For ready files.
        environment: What is different in its environment.
    """

    path: Path
    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def install(self, *folders: str) -> None:
        """Install distributions of ``tests/fixtures/distributions``."""
        self.environment["PYTHONPATH"] = os.pathsep.join(str(DISTRIBUTIONS / folder) for folder in folders)

    def start(
        self, *arguments: str | Path, inside: Sequence[str] = (), out: int = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start it in a process group of its own, as shells do, perhaps inside another command."""
        process = subprocess.Popen(
            [*inside, str(self.path), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, **self.environment},
            preexec_fn=_heed_hangups,  # noqa: PLW1509 - one system call, no lock
        )
        self.processes.append(process)
        return process

    def end(self, process: subprocess.Popen[str]) -> Result:
        """Wait for its end."""
        try:
            out, err = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        return Result(process.returncode, out or "", err)

    def run(self, *arguments: str | Path, inside: Sequence[str] = ()) -> Result:
        """Run it to its end."""
        return self.end(self.start(*arguments, inside=inside))

    @contextlib.contextmanager
    def collecting(self, *arguments: str | Path, out: int = subprocess.PIPE) -> Iterator[subprocess.Popen[str]]:
        """Run ``tracer collect`` around a block that begins when it is ready."""
        ready = self.folder / "ready"
        process = self.start("collect", *arguments, "--ready-file", ready, out=out)
        wait_ready(process, ready, SECONDS)
        yield process

    def close(self) -> None:
        """End what a failed test left running."""
        for process in self.processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()


def _heed_hangups() -> None:
    """Whoever runs the tests may have them ignored, as ``nohup`` does."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def is_running(process: subprocess.Popen[str]) -> bool:
    """Whether its process group, which survives it, has members."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ping(both: TwoNamespaces, count: int = 3) -> None:
    both.run(both.a, ["ping", "-n", "-q", "-c", str(count), "-i", "0.1", "-W", "5", both.b.ipv4])
