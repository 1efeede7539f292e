"""Processes: which is meant, and the file it runs as we can open it. Looks at ``/proc`` and nothing else."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError, privileges

if TYPE_CHECKING:
    from collections.abc import Iterator

PROC = Path("/proc")

_FIRST_PID_NAMESPACE = 0xEFFFFFFC  # PROC_PID_INIT_INO, include/linux/proc_ns.h
_DELETED = " (deleted)"  # the kernel appends it: d_path of fs/d_path.c


@dataclass(frozen=True, slots=True)
class Process:
    """A running process.

    Attributes:
        pid: As we see it.
        name: As ``/proc/PID/comm`` has it: 15 bytes at most.
        executable: Its file, by the name it has for the process.
        path: The same file for us, also if it was deleted or is in another mount namespace.
        deleted: The file has no name any more: an upgrade has replaced it.
        foreign_pids: It lives in another PID namespace than we do: it calls itself by another number.
        foreign_files: It lives in another mount namespace: its paths are not ours.
    """

    pid: int
    name: str
    executable: str
    path: str
    deleted: bool = False
    foreign_pids: bool = False
    foreign_files: bool = False


def process_by_id(pid: int, proc: Path = PROC) -> Process:
    """Look at a process.

    Raises:
        MachineError: there is none, it has no file, or we may not see it.
    """
    process = _look(pid, proc)
    if process is not None:
        return process
    if (proc / str(pid)).is_dir():
        raise MachineError(f"process {pid} runs no file: it is a thread of the kernel, or has ended")
    raise MachineError(f"there is no process {pid}", hint="list them with: ps -e")


def processes_by_name(name: str, proc: Path = PROC) -> tuple[Process, ...]:
    """All processes of that name: those that call themselves so or, if none does, those that run a file of that name.

    In this order, since a daemon may fork a watcher that runs the same file under another name.

    Raises:
        MachineError: we may not see one of them.
    """
    by_name, by_file = [], []
    for pid in sorted(int(entry.name) for entry in proc.iterdir() if entry.name.isdecimal()):
        if _name(pid, proc) == name:
            by_name.append(pid)
        elif _file_name(proc / str(pid) / "exe") == name:
            by_file.append(pid)
    for pids in (by_name, by_file):
        found = tuple(process for pid in pids if (process := _look(pid, proc)))
        if found:
            return found
    return ()


def _sees_some(proc: Path) -> bool:
    """Whether there are processes that we do not see: our PID namespace is not the first one."""
    try:
        return (proc / "self/ns/pid").stat().st_ino != _FIRST_PID_NAMESPACE
    except OSError:
        return False


def process_by_name(name: str, proc: Path = PROC) -> Process:
    """The process of that name.

    Raises:
        MachineError: there is none, there are several, or we may not see it.
    """
    found = processes_by_name(name, proc)
    if not found:
        hint = f"start {name} first"
        if _sees_some(proc):
            hint += ", or trace where it can be seen: we see the processes of our own PID namespace alone"
        raise MachineError(f"no process {name} is running", hint=hint)
    if len(found) > 1:
        pids = ", ".join(str(process.pid) for process in found)
        raise MachineError(f"several processes {name} are running: {pids}", hint="one has to be chosen by its pid")
    return found[0]


def mapped_files(process: Process, proc: Path = PROC) -> tuple[tuple[str, str], ...]:
    """Files from which a process executes code: its own, then its libraries.

    Returns:
        Of each its path as we can open it, and its name for the process.

    Raises:
        MachineError: it has ended, or we may not see.
    """
    folder = proc / str(process.pid)
    try:
        text = (folder / "maps").read_text("utf-8", "surrogateescape")
    except OSError as error:
        hint = privileges() if isinstance(error, PermissionError) else ""
        raise MachineError(f"process {process.pid}: cannot see its libraries: {error.strerror}", hint=hint) from error
    libraries = dict.fromkeys(path for path in _executable_paths(text) if path != process.executable)
    return (process.path, process.executable), *((f"{folder}/root{path}", path) for path in libraries)


def _look(pid: int, proc: Path) -> Process | None:
    """A process; nothing if it has ended or is a thread of the kernel."""
    folder = proc / str(pid)
    try:
        executable = os.readlink(folder / "exe")  # noqa: PTH115 - a text of the kernel's, not to be normalised
    except PermissionError as error:
        message = f"process {pid}: cannot see which file it runs: {error.strerror}"
        raise MachineError(message, hint=privileges()) from error
    except OSError:
        return None
    return Process(
        pid=pid,
        name=_name(pid, proc),
        executable=executable.removesuffix(_DELETED),
        path=str(folder / "exe"),
        deleted=executable.endswith(_DELETED),
        foreign_pids=_foreign(proc, pid, "pid"),
        foreign_files=_foreign(proc, pid, "mnt"),
    )


def _name(pid: int, proc: Path) -> str:
    try:
        return (proc / str(pid) / "comm").read_text("utf-8", "replace").removesuffix("\n")
    except OSError:
        return ""  # it has ended


def _executable_paths(maps: str) -> Iterator[str]:
    for line in maps.splitlines():
        # 7f12-7f34 r-xp 00028000 fe:00 1234   /usr/lib/libc.so.6
        _, mode, _, _, _, *path = line.split(maxsplit=5)
        if path and "x" in mode and path[0].startswith("/") and not path[0].endswith(_DELETED):
            yield path[0]


def _file_name(link: Path) -> str:
    try:
        return os.readlink(link).removesuffix(_DELETED).rpartition("/")[2]  # noqa: PTH115 - as above
    except OSError:
        return ""  # of another user: it may still be found by the name it has


def _foreign(proc: Path, pid: int, kind: str) -> bool:
    try:
        return (proc / f"{pid}/ns/{kind}").readlink() != (proc / f"self/ns/{kind}").readlink()
    except OSError:
        return False  # ended meanwhile; whoever opens its file will see
