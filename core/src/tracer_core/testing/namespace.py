"""A network namespace, and what can be done in it."""

from __future__ import annotations

import ctypes
import os
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

FOLDER = Path("/run/netns")
"""Where ``ip netns`` keeps the names."""

_CLONE_NEWNET = 0x40000000
_ENDS_WITHIN = 20.0  # seconds


@dataclass(frozen=True, slots=True)
class Namespace:
    """A network namespace and one of its devices. One with several devices is there several times.

    Attributes:
        name: As in ``ip netns``.
        device: The device.
        ipv4: Its address, in a network of 24 bits; empty if it has none.
        ipv6: Its address, in a network of 64 bits; empty if it has none.
    """

    name: str
    device: str
    ipv4: str = ""
    ipv6: str = ""

    @property
    def path(self) -> Path:
        """The file that stands for it."""
        return FOLDER / self.name

    @property
    def inode(self) -> int:
        """Its number, which the kernel has as ``net->ns.inum``."""
        return self.path.stat().st_ino

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Be in it: sockets made by this thread within the block belong to it, and stay its own afterwards."""
        before = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            inside = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                _setns(inside)
                try:
                    yield
                finally:
                    _setns(before)
            finally:
                os.close(inside)
        finally:
            os.close(before)

    def run(
        self,
        argv: Sequence[str],
        *,
        timeout: float | None = None,
        check: bool = True,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a program inside, to its end.

        Args:
            argv: Program and arguments.
            timeout: Seconds to ``TimeoutExpired``, and its end; 20, times the patience, if not given.
            check: Whether an exit code other than 0 raises ``CalledProcessError``, with a note of what it said.
            stdin: What it reads; nothing if not given.
            env: All of its environment; this process's own if not given.
            cwd: Where it starts; here if not given.
        """
        seconds = patience(_ENDS_WITHIN) if timeout is None else timeout
        command = self._inside(argv)
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=seconds, input=stdin or "", env=env, cwd=cwd
        )
        return checked(result) if check else result

    def popen(self, argv: Sequence[str], **options: Any) -> subprocess.Popen[Any]:  # noqa: ANN401 - those of Popen
        """Start a program inside; ending it is the caller's."""
        return subprocess.Popen(self._inside(argv), **options)

    def _inside(self, argv: Sequence[str]) -> list[str]:
        return ["ip", "netns", "exec", self.name, *argv]


def checked(result: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str]:
    """The same result, of a program that succeeded.

    Raises:
        subprocess.CalledProcessError: the exit code is not 0; what the program complained of is a note on it.
    """
    try:
        result.check_returncode()
    except subprocess.CalledProcessError as error:
        error.add_note(f"{error.stdout}{error.stderr}".strip())
        raise
    return result


def _setns(descriptor: int) -> None:
    # os.setns needs Python 3.12
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")
