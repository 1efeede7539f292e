"""The command from a process that has imported it already: for machines where Python takes seconds to start.

With ``$TRACER_TEST_WARM`` one process imports the command and all collectors, and forks for each run of a test. The
fork has the arguments, environment, folder and descriptors that the command would have been started with, and runs
and ends as the command does; only the interpreter's start and the imports are not done again.
"""

from __future__ import annotations

import atexit
import json
import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from tracer_core.testing import warm_process
from tracer_core.testing.warm_process import MAX_REQUEST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import IO

VARIABLE = "TRACER_TEST_WARM"

_POLL = 0.01  # seconds between looks at a process
_NAMESPACES = ("mnt", "net", "pid", "user")


class Forked(subprocess.Popen[bytes]):
    """A run of the command, as far as tests use a process: no pipes, no context.

    Args:
        argv: What it runs as.
        channel: Tells its number, and at the end its exit code.
    """

    def __init__(self, argv: Sequence[str], channel: socket.socket) -> None:  # not that of Popen, which starts one
        self._child_created = False  # of ours, for Popen's finalizer
        self.args = tuple(argv)
        self.stdin = self.stdout = self.stderr = None
        self.returncode = None
        self._channel = channel
        self.pid = json.loads(channel.recv(MAX_REQUEST))
        channel.setblocking(False)

    def poll(self) -> int | None:
        """Its exit code, if it has ended; negative for a signal."""
        if self.returncode is None:
            with suppress(BlockingIOError):
                self.returncode = json.loads(self._channel.recv(MAX_REQUEST))
                self._channel.close()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The same, when it has ended.

        Raises:
            subprocess.TimeoutExpired: it did not, in so many seconds.
        """
        began = time.monotonic()
        while (code := self.poll()) is None:
            if timeout is not None and time.monotonic() > began + timeout:
                raise subprocess.TimeoutExpired(self.args, timeout)
            time.sleep(_POLL)
        return code

    def send_signal(self, sig: int) -> None:
        """Send it a signal, unless it has ended."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, sig)


def is_possible(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a fork would be what a start would be: same modules, same namespaces; and whether one is wanted."""
    return bool(environment.get(VARIABLE)) and _Server.shared().surroundings == _surroundings()


def start(argv: Sequence[str], out: IO[bytes], err: IO[bytes]) -> Forked:
    """Run the command, with nothing as its standard input.

    Args:
        argv: The whole command line.
        out: A file that it prints to.
        err: One for what it complains of.
    """
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        return _Server.shared().start(argv, [file.fileno() for file in (nothing, out, err)])


class _Server:
    """The process that forks, seen from the tests. It ends when they do."""

    def __init__(self) -> None:
        self.surroundings = _surroundings()
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", warm_process.__name__, str(theirs.fileno())]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, pass_fds=[theirs.fileno()]
        )
        theirs.close()
        atexit.register(self._end)

    @classmethod
    @cache
    def shared(cls) -> _Server:
        return cls()

    def start(self, argv: Sequence[str], fds: Sequence[int]) -> Forked:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        request = json.dumps({"argv": list(argv), "environment": dict(os.environ), "folder": os.getcwd()})  # noqa: PTH109
        with theirs:
            socket.send_fds(self._control, [request.encode(errors="surrogateescape")], [theirs.fileno(), *fds])
        return Forked(argv, ours)

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


def _surroundings() -> tuple[object, ...]:
    """What a process has from its beginning, and cannot be given later."""
    python = sorted((name, value) for name, value in os.environ.items() if name.startswith("PYTHON"))
    return (python, *(os.readlink(f"/proc/thread-self/ns/{name}") for name in _NAMESPACES))  # noqa: PTH115
