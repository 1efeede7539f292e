"""Where the process of Open vSwitch listens for commands: found by its name, and by the sockets that it has.

Its run directory, the name of the socket and the namespaces it is in are its own matter. What it listens at is in
``/proc``: ``fd`` has its sockets, ``net/unix`` says which of them listen (``__SO_ACCEPTCON``), and where.
"""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from tracer_ovs.enrich.unixctl import ControlError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_ACCEPTS = 1 << 16  # __SO_ACCEPTCON, include/linux/net.h
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_LINKS = 40  # in a row, as the kernel allows


def control_socket(which: str | int, proc: Path = Path("/proc")) -> Path:
    """The socket at which a process takes commands, by a path of our mount namespace.

    Args:
        which: Its name or PID.
        proc: Where the kernel tells of processes.

    Raises:
        ControlError: there is no such process, there are several, or it has no such socket.
    """
    found = [which] if isinstance(which, int) else _processes(which, proc)
    if not found:
        raise ControlError(f"no process is called {which}")
    sockets = {pid: socket for pid in found if (socket := _socket_of(proc / str(pid))) is not None}
    if not sockets:
        raise ControlError(f"{which} ({_listed(found)}) has no control socket")
    if len(sockets) > 1:
        raise ControlError(f"there are several processes {which}: {_listed(sockets)}; say which by --ovs-pid")
    return next(iter(sockets.values()))


def _listed(pids: Iterable[int]) -> str:
    return ", ".join(map(str, pids))


def _processes(name: str, proc: Path) -> list[int]:
    found = []
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            try:
                comm = (entry / "comm").read_text().removesuffix("\n")
            except OSError:
                continue  # it has ended
            if comm == name[:15]:
                found.append(int(entry.name))
    return sorted(found)


def _socket_of(process: Path) -> Path | None:
    try:
        own = set(_sockets(process / "fd"))
        lines = (process / "net" / "unix").read_text(errors="surrogateescape").splitlines()
    except FileNotFoundError:
        return None  # it has ended
    except OSError as error:
        raise ControlError(f"cannot see the sockets of process {process.name}: {error.strerror}") from error
    for line in lines[1:]:
        # Num RefCount Protocol Flags Type St Inode Path
        fields = line.split(maxsplit=7)
        if len(fields) == 8 and fields[6] in own and int(fields[3], 16) & _ACCEPTS and fields[7].endswith(".ctl"):
            return _inside(process / "root", PurePosixPath(fields[7]))
    return None


def _sockets(folder: Path) -> Iterator[str]:
    """The inodes of sockets among descriptors."""
    for file in folder.iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            match = _SOCKET.fullmatch(str(file.readlink()))
            if match is not None:
                yield match[1]


def _inside(root: Path, path: PurePosixPath) -> Path:
    """A path of a process by one of ours. Links in it are those of the process: ``/var/run`` may be one to ``/run``."""
    waiting = list(reversed(path.parts[1:]))
    parts: list[str] = []
    links = 0
    while waiting:
        part = waiting.pop()
        if part == "..":
            del parts[-1:]
            continue
        here = root.joinpath(*parts, part)
        if links == _LINKS or not here.is_symlink():
            parts.append(part)
            continue
        links += 1
        target = here.readlink()
        if target.is_absolute():
            parts.clear()
        waiting += reversed([name for name in target.parts if name != "/"])
    return root.joinpath(*parts)
