"""Names of network namespaces: as ``ip netns`` knows them, or after a process that lives there."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAMED = "run/netns"  # what ip-netns(8) mounts there
_REFRESH_NS = 1_000_000_000


class NetnsNames:
    """Looks names up when a number is not known, at most once a second; what was found stays.

    Args:
        root: Where ``run`` and ``proc`` are.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root
        self._names: dict[int, str] = {}
        self._looked = 0

    def name(self, inode: int) -> str | None:
        """The name of the namespace with that inode number, or nothing."""
        now = time.monotonic_ns()
        if inode not in self._names and now >= self._looked:
            self._looked = now + _REFRESH_NS
            for number, name in self._found():
                self._names.setdefault(number, name)
        return self._names.get(inode)

    def _found(self) -> Iterator[tuple[int, str]]:
        """Numbers and names; ``ip netns`` comes before processes, and of these the oldest first."""
        for entry in _entries(self._root / _NAMED):
            number = _inode(entry)
            if number is not None:
                yield number, entry.name
        processes = (entry for entry in _entries(self._root / "proc") if entry.name.isdecimal())
        for entry in sorted(processes, key=lambda entry: int(entry.name)):
            number = _inode(entry / "ns/net")
            if number is not None:
                yield number, f"{_comm(entry)}/{entry.name}"


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _comm(process: Path) -> str:
    try:
        return (process / "comm").read_bytes().rstrip(b"\n").decode(errors="replace")
    except OSError:
        return "?"
