"""A client of the control socket of a daemon of Open vSwitch, as ``ovs-appctl`` is: JSON-RPC 1.0 over a Unix socket.

The protocol is in ovs-appctl(8) and ovsdb-server(7): a request has a method, parameters, all of them texts, and a
number; a reply has the number, and a result or an error, both texts. Nothing stands between messages.
"""

from __future__ import annotations

import json
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

TIMEOUT = 0.5
"""Seconds that a connection or a reply may take."""

_LONGEST = 1 << 24  # bytes of a reply
_PIECE = 1 << 16


class ControlError(Exception):
    """The daemon could not be asked, or refused to answer; the message says why."""


class Control:
    """A connection to a control socket. One that failed is made anew by the next call.

    Args:
        find: Gives the path of the socket, or raises :class:`ControlError`. Called for each connection: a daemon that
            was started again listens elsewhere.
        timeout: Seconds that a call may take.
    """

    def __init__(self, find: Callable[[], Path], timeout: float = TIMEOUT) -> None:
        self._find = find
        self._timeout = timeout
        self._socket: socket.socket | None = None
        self._number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the connection."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def commands(self) -> frozenset[str]:
        """Names of the commands that the daemon knows.

        Raises:
            ControlError: it could not be asked.
        """
        lines = self.call("list-commands").splitlines()
        return frozenset(line.split()[0] for line in lines if line.startswith(" ") and line.strip())

    def call(self, method: str, *arguments: str) -> str:
        """What a command answers.

        Raises:
            ControlError: it could not be asked, or the command failed.
        """
        deadline = time.monotonic() + self._timeout
        self._number += 1
        request = {"id": self._number, "method": method, "params": list(arguments)}
        try:
            connection = self._connected(deadline)
            connection.sendall(json.dumps(request).encode())
            reply = self._reply(connection, deadline)
        except TimeoutError:
            self.close()
            raise ControlError(f"it does not answer within {self._timeout:g} s") from None
        except (OSError, ValueError) as error:
            self.close()
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            raise ControlError(str(reason)) from error
        if reply.get("error") is not None:
            raise ControlError(f"{method}: {' '.join(str(reply['error']).split())}")
        return str(reply.get("result") or "")

    def _connected(self, deadline: float) -> socket.socket:
        if self._socket is None:
            # addresses of sockets are short, and paths into another mount namespace are not
            path = self._find()
            folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
                try:
                    connection.settimeout(_left(deadline))
                    connection.connect(f"/proc/self/fd/{folder}/{path.name}")
                except BaseException:
                    connection.close()
                    raise
            finally:
                os.close(folder)
            self._socket = connection
        self._socket.settimeout(_left(deadline))
        return self._socket

    def _reply(self, connection: socket.socket, deadline: float) -> dict[str, object]:
        data = bytearray()
        while len(data) < _LONGEST:
            connection.settimeout(_left(deadline))
            piece = connection.recv(_PIECE)
            if not piece:
                raise ValueError("the connection was closed")
            data += piece
            if piece.rstrip().endswith(b"}"):  # perhaps the last one
                try:
                    found = json.loads(data)
                except ValueError:
                    continue
                if not isinstance(found, dict) or found.get("id") != self._number:
                    raise ValueError("the reply is that of something else")
                return found
        raise ValueError("the reply does not end")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
