"""``tracer collect`` in a process of its own, which is stopped whatever becomes of ours."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from tracer_core.errors import ExitCode, MachineError, PluginError, RunError, TracerError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PATIENCE = 10.0  # seconds without a sign of life, after which it is killed
_ERRORS: dict[int, type[TracerError]] = {
    ExitCode.USAGE: UsageError,
    ExitCode.PLUGIN: PluginError,
    ExitCode.ENVIRONMENT: MachineError,
}
_ERROR = "Error: "
_WARNING = re.compile(r"(?:[\d:.]+ )?WARN  (.*)")  # with the time, if details are asked for


def warnings_in(lines: Iterable[str]) -> list[str]:
    """The texts of those messages of a command that are warnings."""
    return [found[1] for found in map(_WARNING.fullmatch, lines) if found]


class Child:
    """The process, and the pipe out of which its events come.

    Args:
        command: ``collect`` and its arguments, behind those of ``tracer``.
        queue: Bytes that may wait to be read, as ``--ring-size`` takes it.

    Raises:
        RunError: no process can be started.
    """

    def __init__(self, command: Sequence[str], queue: str) -> None:
        self._owner = os.getpid()
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the run
        self.fd, theirs = os.pipe()
        ours = (f"--to-fd={theirs}", f"--queue={queue}")
        place = command.index("collect") + 1  # behind the others they could be taken for the value of one
        argv = [sys.executable, "-P", "-m", "tracer_core", *command[:place], *ours, *command[place:]]
        try:
            self.process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=self._messages,
                pass_fds=(theirs,),
                process_group=0,  # ^C is for us, who end it
            )
        except (OSError, ValueError) as error:
            os.close(self.fd)
            self._messages.close()
            raise RunError(f"cannot start {sys.executable or 'Python'}: {error}") from error
        finally:
            os.close(theirs)
        self._is_open = True
        self._is_read = False
        self._told = ""

    def stop(self) -> None:
        """Ask for the end of the run. What it has recorded still comes."""
        if self._is_open and self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.send_signal(signal.SIGINT)

    def wait_for_more(self) -> None:
        """Wait until there is something to read. If nothing comes for long, the process is killed."""
        pipe = select.poll()  # select() takes no descriptor above 1023
        pipe.register(self.fd, select.POLLIN)
        if not pipe.poll(_PATIENCE * 1000):
            self.process.kill()

    def close(self) -> None:
        """Wait for the end of the process. Its pipe has been read to the end, or nobody wants what is in it.

        If ^C interrupts that, it can be called again.
        """
        if not self._is_open or os.getpid() != self._owner:
            return
        if not self._is_read:
            self._is_read = True
            os.close(self.fd)  # it ends now, if it has not
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._told = self._read()
        self._is_open = False
        self._messages.close()

    def abandon(self) -> None:
        """End it: nobody knows of it any more."""
        if os.getpid() == self._owner:  # not what a fork has of it
            self.stop()
            self.close()

    @property
    def messages(self) -> list[str]:
        """Lines that it has written to stderr."""
        return (self._read() if self._is_open else self._told).splitlines()

    @property
    def warnings(self) -> list[str]:
        """Those that are warnings."""
        return warnings_in(self.messages)

    def failure(self) -> TracerError | None:
        """Why it ended, if it failed."""
        code = self.process.returncode
        if not code:
            return None
        if code < 0:
            return RunError(f"tracer collect was killed by {signal.Signals(-code).name}")
        last = next((line for line in reversed(self.messages) if line.startswith(_ERROR)), "")
        message = last.removeprefix(_ERROR) or f"tracer collect ended with exit code {code}: {self.messages[-1:]}"
        return _ERRORS.get(code, RunError)(message)

    def _read(self) -> str:
        size = os.fstat(self._messages.fileno()).st_size
        return os.pread(self._messages.fileno(), size, 0).decode(errors="replace")
