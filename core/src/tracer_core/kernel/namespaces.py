"""Namespaces that have a name or a process, and the names of those of networks."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROC = Path("/proc")
_NAMED = Path("/run/netns")  # what ip-netns(8) mounts there
_REFRESH_NS = 1_000_000_000


def namespaces(kind: str) -> Iterator[tuple[int, Path]]:
    """Inode numbers of namespaces, each with a file by which it can be entered: those with names, then of processes.

    A namespace comes once for each name and process; older processes come first.

    Args:
        kind: As in ``/proc/PID/ns``: ``net``, ``mnt``.
    """
    device = (_PROC / f"self/ns/{kind}").stat().st_dev
    named = sorted(_entries(_NAMED)) if kind == "net" else []
    processes = sorted(
        (entry for entry in _entries(_PROC) if entry.name.isdecimal()), key=lambda entry: int(entry.name)
    )
    for path in (*named, *(entry / f"ns/{kind}" for entry in processes)):
        try:
            found = path.stat()
        except OSError:  # ended in the meantime, or not ours to see
            continue
        if found.st_dev == device:  # what ip-netns(8) left behind is a mere file
            yield found.st_ino, path


def mounted(kind: str, root: Path = Path("/")) -> Iterator[int]:
    """Numbers of namespaces that mounts keep, wherever these are.

    Args:
        kind: As in ``/proc/PID/ns``.
        root: Where ``proc`` is.
    """
    try:
        mounts = (root / "proc/self/mountinfo").read_bytes()
    except OSError:
        return
    # proc(5): number, parent, device, and then what of the file system is mounted, which ns_dname of fs/nsfs.c names
    for match in re.finditer(rf"^\d+ \d+ \d+:\d+ {kind}:\[(\d+)\] ".encode(), mounts, re.MULTILINE):
        yield int(match[1])


class NetnsNames:
    """Names of network namespaces: as ``ip netns`` knows them, or after the oldest process that lives there.

    Looks them up when a number is not known, at most once a second; what was found stays.
    """

    def __init__(self) -> None:
        self._names: dict[int, str] = {}
        self._looked = 0

    def name(self, inode: int) -> str | None:
        """The name of the namespace with that inode number, or nothing."""
        now = time.monotonic_ns()
        if inode not in self._names and now >= self._looked:
            self._looked = now + _REFRESH_NS
            for number, path in namespaces("net"):
                if number not in self._names:
                    self._names[number] = _name(path)
        return self._names.get(inode)


def _name(path: Path) -> str:
    if path.parent == _NAMED:
        return path.name
    process = path.parents[1]
    return f"{_comm(process)}/{process.name}"


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _comm(process: Path) -> str:
    try:
        return (process / "comm").read_bytes().rstrip(b"\n").decode(errors="replace")
    except OSError:
        return "?"
