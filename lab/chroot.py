"""Programs of another root file system on the kernel that runs.

The root is read-only; ``/tmp`` and ``/run`` are empty, and gone at the end. All mounts are in a mount namespace that
ends with the program: nothing stays on the machine, whatever happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lab import tools

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

DATA = "/mnt"
"""Where a folder of the machine may be seen: an empty one in each release."""

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# $1 the root, $2 the folder to show in it or nothing; then the command. Network namespaces have their names in
# /run/netns.
_SCRIPT = f"""set -e
root=$1 data=$2
shift 2
mount --rbind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
if [ -d /run/netns ]; then mkdir "$root/run/netns"; mount --rbind /run/netns "$root/run/netns"; fi
if [ -n "$data" ]; then mount --bind "$data" "$root{DATA}"; fi
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""


def command(
    root: Path, argv: Sequence[str], *, data: Path | None = None, environment: Mapping[str, str] | None = None
) -> list[str]:
    """What to execute, as root, in whatever network namespace.

    Args:
        root: The root file system.
        argv: The program and its arguments, as they are in there.
        data: A folder of the machine that the program sees as :data:`DATA`, and may write to.
        environment: Variables for it, beside a bare few. Nothing of the caller's.

    Raises:
        UnavailableError: a program that this takes is not installed.
    """
    variables = {"PATH": _PATH, "HOME": "/tmp", "LANG": "C.UTF-8", **(environment or {})}  # noqa: S108 - its own
    return [
        *(tools.find("unshare"), "--mount", "--propagation", "private", "sh", "-c", _SCRIPT, "sh"),
        *(str(root), str(data or "")),
        *("env", "-i", *(f"{name}={value}" for name, value in variables.items()), *argv),
    ]
