"""Network namespaces as the user names them."""

from __future__ import annotations

from pathlib import Path

from tracer_core.errors import UsageError

_INODES = 1 << 32  # ns_common.inum is a u32, include/linux/ns_common.h
_NAMED = (Path("/run/netns"), Path("/var/run/netns"))


def inode(text: str) -> int:
    """Resolve a namespace to its inode number.

    Args:
        text: A name of ``ip netns``, a path such as ``/proc/PID/ns/net``, or an inode number.

    Raises:
        UsageError: there is no such namespace, we may not look at it, or it is no network namespace.
    """
    if text.isdecimal() and int(text) < _INODES:
        return int(text)
    paths = [Path(text)] if "/" in text else [folder / text for folder in _NAMED]
    try:
        path = next((path for path in paths if path.exists()), None)
        if path is None:
            raise UsageError(f"--netns {text}: no such network namespace", hint="list them with: ip netns; lsns -t net")
        found = path.stat()
    except OSError as error:
        # ns/net of a process: ptrace_may_access with PTRACE_MODE_READ, proc_ns_get_link of fs/proc/namespaces.c
        is_refused = isinstance(error, PermissionError)
        hint = "it takes root with CAP_SYS_PTRACE" if is_refused else "give a name, /proc/PID/ns/net or an inode"
        raise UsageError(f"--netns {text}: cannot look at it: {error.strerror}", hint=hint) from error
    if found.st_dev != Path("/proc/self/ns/net").stat().st_dev:
        raise UsageError(f"--netns {text}: {path} is not a namespace", hint="give a name, /proc/PID/ns/net or an inode")
    return found.st_ino
