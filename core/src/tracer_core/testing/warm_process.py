"""The process that has imported the command and forks for each run, see :mod:`~tracer_core.testing.warm`.

Its argument is the number of a socket. A message there has the command line, environment and folder of a run as JSON,
and descriptors: of a socket of that run, which gets its process number, then its exit code; of its standard input,
output and error.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import pkgutil
import signal
import socket
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

import tracer_core
from tracer_core.plugins.metadata import candidates

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_REQUEST = 200_000
"""Bytes; no more fit into one message by default."""

_NOT_OF_THE_COMMAND = f"{tracer_core.__name__}.testing."
_PR_SET_PDEATHSIG = 1


def serve(control: socket.socket) -> None:
    """Fork for each request. Returns in the forks, which then are to run the command.

    Raises:
        SystemExit: nobody will ask any more.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a ^C is for the tests, who end us
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for those who wait
    while True:
        data, fds, _, _ = socket.recv_fds(control, MAX_REQUEST, 4)
        if not data:
            sys.exit()
        channel, *standard = fds
        if os.fork() == 0:
            control.close()
            _supervise(data, socket.socket(fileno=channel), standard)
            return
        for fd in fds:
            os.close(fd)


def _supervise(data: bytes, channel: socket.socket, standard: Sequence[int]) -> None:
    """Fork once more, and wait for that fork; returns in it."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _end_with_parent(signal.SIGKILL)
    pid = os.fork()
    if pid:
        channel.send(json.dumps(pid).encode())
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(OSError):  # nobody wants to know
            channel.send(json.dumps(code).encode())
        os._exit(0)
    channel.close()
    _end_with_parent(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, fd in enumerate(standard):
        os.dup2(fd, number)
        os.close(fd)
    asked = json.loads(data)
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[:] = asked["argv"]


def _end_with_parent(number: int) -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number, 0, 0, 0)


def _import_all() -> None:
    """Everything of the command and the collectors. What cannot be imported is for the run to complain of."""
    plugins = {candidate.value.partition(".")[0] for candidate in candidates()}
    for package in (tracer_core.__name__, *sorted(plugins)):
        with suppress(Exception):
            for module in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}.", _ignore):
                if not module.name.startswith(_NOT_OF_THE_COMMAND):
                    with suppress(Exception):
                        importlib.import_module(module.name)
    gc.collect()
    gc.freeze()  # forks share what they do not touch


def _ignore(_: str) -> None:
    """A package that cannot be imported has no modules."""


def main() -> None:
    """Serve; in a fork, be the command."""
    _import_all()
    serve(socket.socket(fileno=int(sys.argv[1])))
    from tracer_core.cli.main import main as command  # noqa: PLC0415 - imported long ago

    command()


if __name__ == "__main__":
    main()
