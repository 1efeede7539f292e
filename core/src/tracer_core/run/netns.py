"""Network namespaces as the user names them."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.errors import UsageError
from tracer_core.kernel.namespaces import mounted, namespaces

if TYPE_CHECKING:
    from collections.abc import Sequence

log = logging.getLogger(__name__)

_INODES = 1 << 32  # ns_common.inum is a u32, include/linux/ns_common.h
_NUMBER = re.compile(r"[0-9]{1,10}")
_SHOWN = re.compile(r"net:\[([0-9]+)\]")  # as the links in /proc/PID/ns read
_LIST = "list them with: ip netns; lsns -t net"
_NAMED = (Path("/run/netns"), Path("/var/run/netns"))


def inodes(texts: Sequence[str], *, is_here: bool) -> tuple[int, ...]:
    """Resolve namespaces to their inode numbers. Numbers that are of none, as far as can be seen, are warned of.

    A descriptor or a socket can keep a namespace as well, which nothing lists: so it is no error.

    Args:
        texts: As for :func:`inode`.
        is_here: They are those of this machine, now.

    Raises:
        UsageError: as of :func:`inode`.
    """
    found = tuple(map(inode, texts))
    numbers = [number for text, number in zip(texts, found, strict=True) if is_here and text == str(number)]
    if numbers:
        known = {number for number, _ in namespaces("net")}.union(mounted("net"))
        for number in dict.fromkeys(numbers):
            if number not in known:
                log.warning("%s", _unknown(number))
    return found


def _unknown(number: int) -> str:
    process = Path(f"/proc/{number}")
    hint = f"for that of process {number}: --netns {process}/ns/net" if process.exists() else _LIST
    return f"--netns {number}: no such network namespace is seen here, so there may be nothing to report; {hint}"


def inode(text: str) -> int:
    """Resolve a namespace to its inode number.

    Args:
        text: A name of ``ip netns``, a path such as ``/proc/PID/ns/net``, or an inode number that is not such a name.

    Raises:
        UsageError: there is no such namespace, we may not look at it, or it is no network namespace.
    """
    paths = [Path(text)] if "/" in text else [folder / text for folder in _NAMED]
    try:
        path = next((path for path in paths if path.exists()), None)
        if path is None and _NUMBER.fullmatch(text) and int(text) < _INODES:
            return int(text)
        if path is None:
            shown = _SHOWN.fullmatch(text)
            hint = f"give the number alone: --netns {shown[1]}" if shown else _LIST
            raise UsageError(f"--netns {text}: no such network namespace", hint=hint)
        found = path.stat()
    except OSError as error:
        # ns/net of a process: ptrace_may_access with PTRACE_MODE_READ, proc_ns_get_link of fs/proc/namespaces.c
        is_refused = isinstance(error, PermissionError)
        hint = "it takes root with CAP_SYS_PTRACE" if is_refused else "give a name, /proc/PID/ns/net or an inode"
        raise UsageError(f"--netns {text}: cannot look at it: {error.strerror}", hint=hint) from error
    if found.st_dev != Path("/proc/self/ns/net").stat().st_dev:
        raise UsageError(f"--netns {text}: {path} is not a namespace", hint="give a name, /proc/PID/ns/net or an inode")
    return found.st_ino
