"""The installed command ``tracer``, run as a user would."""

from __future__ import annotations

import ctypes
import signal
import subprocess
import sysconfig
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_core.testing import warm
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator

_POLL = 0.01  # seconds between looks at a process and its files
_READY_WITHIN, _ENDS_WITHIN, _STOPS_WITHIN, _PRINTS_WITHIN = 60.0, 60.0, 30.0, 10.0  # seconds, times the patience
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


class NotReadyError(AssertionError):
    """``tracer collect`` ended, or took too long, before events could come."""


def executable() -> Path:
    """The command that belongs to this Python."""
    return Path(sysconfig.get_path("scripts"), "tracer")


def end_with_parent() -> None:
    """Have the kernel interrupt this process when its parent dies: a killed test leaves nothing attached.

    For the child side of ``subprocess`` (``preexec_fn``).
    """
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGINT, 0, 0, 0)


def wait_ready(process: subprocess.Popen[Any], ready: Path, timeout: float) -> None:
    """Wait until *ready* exists.

    Raises:
        NotReadyError: the process ended before, or did not make it in time.
    """
    deadline = time.monotonic() + timeout
    while not ready.exists():
        if process.poll() is not None:
            raise NotReadyError(f"tracer ended with {process.returncode} before it was ready")
        if time.monotonic() > deadline:
            raise NotReadyError(f"tracer was not ready after {timeout} s")
        time.sleep(_POLL)


def interrupt(process: subprocess.Popen[Any], timeout: float) -> int:
    """End a process as ^C does.

    Returns:
        Its exit code.

    Raises:
        subprocess.TimeoutExpired: it did not end; it was killed.
    """
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


@dataclass
class Collecting:
    """A ``tracer collect`` that runs, or ran.

    Attributes:
        argv: The whole command line.
        process: It.
        folder: Where it prints to: ``stdout`` and ``stderr``.
        exit_code: Nothing while it runs.
    """

    argv: tuple[str, ...]
    process: subprocess.Popen[bytes]
    folder: Path
    exit_code: int | None = None

    @property
    def stdout(self) -> str:
        """What it printed so far."""
        return (self.folder / "stdout").read_text(errors="replace")

    @property
    def stderr(self) -> str:
        """What it complained of so far."""
        return (self.folder / "stderr").read_text(errors="replace")

    def wait_for(self, text: str, *, count: int = 1, timeout: float | None = None) -> None:
        """Wait until *text* was printed *count* times.

        Args:
            text: Part of a line.
            count: How often.
            timeout: Seconds; 10, times the patience, if not given.

        Raises:
            AssertionError: it was not, in time.
        """
        deadline = time.monotonic() + (patience(_PRINTS_WITHIN) if timeout is None else timeout)
        while self.stdout.count(text) < count:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{text!r} was not printed {count} time(s)\n{self.report()}")
            time.sleep(_POLL)

    def stop(self, timeout: float | None = None) -> int:
        """Interrupt it, if it still runs, and say how it ended."""
        self.exit_code = interrupt(self.process, patience(_STOPS_WITHIN) if timeout is None else timeout)
        return self.exit_code

    def report(self) -> str:
        """All about it, for messages of failed tests."""
        return f"{' '.join(self.argv)}\nexit code {self.exit_code}\n{self.stdout}\n{self.stderr}"


@dataclass(frozen=True)
class Tracer:
    """The command.

    Attributes:
        path: The executable.
        folder: Where output and ready files go; somebody else empties it.
    """

    path: Path
    folder: Path

    def run(self, *arguments: str, timeout: float | None = None) -> subprocess.CompletedProcess[str]:
        """Run it to its end, whatever its exit code.

        Args:
            arguments: The command line.
            timeout: Seconds to ``TimeoutExpired``; 60, times the patience, if not given.
        """
        argv = (str(self.path), *arguments)
        limit = patience(_ENDS_WITHIN) if timeout is None else timeout
        if _can_fork(argv):
            return _forked(argv, limit)
        return subprocess.run(
            argv, check=False, capture_output=True, text=True, timeout=limit, stdin=subprocess.DEVNULL
        )

    @contextmanager
    def collect(self, *arguments: str, timeout: float | None = None) -> Iterator[Collecting]:
        """Run ``tracer collect`` around a block: events can come when it begins, all were printed after it.

        Args:
            arguments: Beside ``--ready-file``.
            timeout: Seconds to get ready; 60, times the patience, if not given.

        Raises:
            NotReadyError: it was not ready in time, or ended before.
        """
        folder = Path(tempfile.mkdtemp(prefix="collect-", dir=self.folder))
        ready = folder / "ready"
        collecting = _start((str(self.path), "collect", *arguments, "--ready-file", str(ready)), folder)
        try:
            try:
                wait_ready(collecting.process, ready, patience(_READY_WITHIN) if timeout is None else timeout)
            except NotReadyError as error:
                collecting.stop()
                raise NotReadyError(f"{error}\n{collecting.report()}") from None
            yield collecting
        finally:
            collecting.stop()


def _start(argv: tuple[str, ...], folder: Path) -> Collecting:
    with (folder / "stdout").open("wb") as out, (folder / "stderr").open("wb") as err:
        if _can_fork(argv):
            return Collecting(argv, warm.start(argv, out, err), folder)
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
        )
    return Collecting(argv, process, folder)


def _can_fork(argv: tuple[str, ...]) -> bool:
    return argv[0] == str(executable()) and warm.is_possible()


def _forked(argv: tuple[str, ...], timeout: float) -> subprocess.CompletedProcess[str]:
    """Run it as a fork, to its end."""
    with tempfile.TemporaryFile("w+b") as out, tempfile.TemporaryFile("w+b") as err:
        process = warm.start(argv, out, err)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
            process.wait()
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read().decode())
    return subprocess.CompletedProcess(argv, code, *printed)
