"""Processes by what tells them from all others, and the namespaces that they are in."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tracer_core.kernel.namespaces import namespaces

_PROC = Path("/proc")
_START_TIME = 22 - 3  # of the fields of /proc/PID/stat that follow the name: see proc(5)


@dataclass(frozen=True, slots=True)
class Process:
    """A process, and where what it does has effect.

    Attributes:
        pid: Its number, in its namespace of processes.
        started: When it started, in clock ticks since boot: another process of the same number has another.
        pid_namespace: Inode number of the namespace of processes.
        net: Inode number of the network namespace.
        mnt: Inode number of the mount namespace.
    """

    pid: int
    started: int
    pid_namespace: int
    net: int
    mnt: int

    @classmethod
    def current(cls) -> Process:
        """The process that we are.

        Raises:
            OSError: ``/proc`` is not mounted.
        """
        pid = os.getpid()
        pid_namespace, net, mnt = ((_PROC / "self/ns" / name).stat().st_ino for name in ("pid", "net", "mnt"))
        return cls(pid, _started(pid), pid_namespace, net, mnt)

    def is_gone(self, seen_from: Process) -> bool:
        """Whether it has ended, as far as another can tell: one in another namespace of processes cannot."""
        if self.pid_namespace != seen_from.pid_namespace:
            return False
        try:
            return _started(self.pid) != self.started
        except (OSError, ValueError):
            return True

    def entering(self, seen_from: Process) -> tuple[str, ...] | None:
        """The beginning of a command that is to run where this one ran; nothing if there is no such place any more."""
        options = []
        for name, wanted, own in (("net", self.net, seen_from.net), ("mnt", self.mnt, seen_from.mnt)):
            if wanted == own:
                continue
            path = namespace(name, wanted)
            if path is None:
                return None
            option = {"net": "net", "mnt": "mount"}[name]
            options.append(f"--{option}={path}")
        return ("nsenter", *options) if options else ()


def namespace(kind: str, inode: int) -> Path | None:
    """A file that stands for a namespace, by which it can be entered, as long as it has a name or a process.

    Args:
        kind: As in ``/proc/PID/ns``: ``net``, ``mnt``.
        inode: Its number, which the kernel has as ``ns_common.inum``.
    """
    return next((path for number, path in namespaces(kind) if number == inode), None)


def _started(pid: int) -> int:
    # the name may hold anything, parentheses included
    after_name = (_PROC / str(pid) / "stat").read_text("utf-8", "replace").rpartition(")")[2]
    return int(after_name.split()[_START_TIME])
