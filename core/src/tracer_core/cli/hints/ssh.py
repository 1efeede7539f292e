"""Whoever traces over SSH traces what is printed, which is printed again: how to leave it out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_VARIABLE = "SSH_CONNECTION"  # client, its port, server, its port: ssh(1)
_FARTHEST = 16  # ancestors


def advice(environment: Mapping[str, str] = os.environ, proc: Path = Path("/proc")) -> str:
    """What to tell somebody whose terminal is at the other end of an SSH connection; nothing if it is here.

    Args:
        environment: Ours.
        proc: For those of our ancestors: ``sudo`` takes the variable out of ours.
    """
    found = environment.get(_VARIABLE) or next(_of_ancestors(proc), "")
    words = found.split()
    if len(words) != 4:
        return ""
    client, _, _, port = words
    filters = f"not (tcp port {port} and host {client.partition('%')[0]})"
    return (
        f"Packets of this SSH session are traced, too, which carry what is printed: leave them out with -f '{filters}'"
    )


def _of_ancestors(proc: Path) -> Iterator[str]:
    pid = os.getppid()
    for _ in range(_FARTHEST):
        folder = proc / str(pid)
        try:
            variables = (folder / "environ").read_bytes().split(b"\0")
            pid = int((folder / "stat").read_bytes().rpartition(b")")[2].split()[1])
        except (OSError, ValueError, IndexError):
            return
        for variable in variables:
            name, _, value = variable.partition(b"=")
            if name == _VARIABLE.encode():
                yield value.decode(errors="replace")
