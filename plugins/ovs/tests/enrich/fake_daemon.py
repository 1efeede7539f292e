"""A daemon that answers at a control socket as those of Open vSwitch do."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Answer = Callable[..., str | bytes | Exception | None]


class FakeDaemon:
    """It.

    Args:
        path: Of the socket.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.answers: dict[str, Answer] = {"list-commands": self._list}
        """By command: called with its parameters. Text is the result, an exception the error, bytes are sent as they
        are, and nothing is no answer."""
        self.asked: list[tuple[str, ...]] = []
        """Commands, each with its parameters."""
        self.connections = 0
        self._open: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()

    def _list(self) -> str:
        return "The available commands are:\n" + "".join(f"  {name:24} [arguments]\n" for name in sorted(self.answers))

    def hang_up(self) -> None:
        """End all connections."""
        for connection in self._open:
            with suppress(OSError):  # it was ended by the other side
                connection.shutdown(socket.SHUT_RDWR)
        self._open.clear()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.hang_up()

    def accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        waiting = ""
        with connection:
            while True:
                try:
                    waiting += connection.recv(1 << 16).decode()
                    request, end = json.JSONDecoder().raw_decode(waiting)
                except OSError:
                    return
                except ValueError:
                    if not waiting:
                        return
                    continue
                waiting = waiting[end:]
                self._answer(connection, request)

    def _answer(self, connection: socket.socket, request: dict[str, Any]) -> None:
        assert all(isinstance(parameter, str) for parameter in request["params"])
        self.asked.append((request["method"], *request["params"]))
        answer = self.answers.get(request["method"])
        found = (
            ValueError(f'"{request["method"]}" is not a valid command')
            if answer is None
            else answer(*request["params"])
        )
        if found is None:
            return
        if isinstance(found, str):
            found = json.dumps({"id": request["id"], "result": found, "error": None}).encode()
        elif isinstance(found, Exception):
            found = json.dumps({"id": request["id"], "result": None, "error": f"{found}\n"}).encode()
        half = len(found) // 2  # replies come in pieces
        with suppress(OSError):  # who asked has not waited
            for piece in (found[:half], found[half:]):
                connection.sendall(piece)


@contextmanager
def fake_daemon(path: Path) -> Iterator[FakeDaemon]:
    """A daemon that listens there."""
    daemon = FakeDaemon(path)
    thread = threading.Thread(target=daemon.accept)
    thread.start()
    try:
        yield daemon
    finally:
        daemon.close()
        thread.join()
        path.unlink(missing_ok=True)
