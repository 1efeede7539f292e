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

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

# $1 the root, $2 how many folders to show in it, each with its place there; then the command. Network namespaces have
# their names in /run/netns.
_SCRIPT = """set -e
root=$1 count=$2
shift 2
mount --rbind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
if [ -d /run/netns ]; then mkdir "$root/run/netns"; mount --rbind /run/netns "$root/run/netns"; fi
while [ "$count" -gt 0 ]; do
    mount --bind "$1" "$root/$2"
    shift 2
    count=$((count - 1))
done
mount -o remount,bind,ro "$root"
exec chroot "$root" "$@"
"""


def command(
    root: Path,
    argv: Sequence[str],
    *,
    shown: Mapping[str, Path] | None = None,
    environment: Mapping[str, str] | None = None,
) -> list[str]:
    """What to execute, as root, in whatever network namespace.

    Args:
        root: The root file system.
        argv: The program and its arguments, as they are in there.
        shown: Folders of the machine that the program sees, and may write to, by where: in a folder that the release
            has. ``/mnt`` and ``/opt`` are empty in each.
        environment: Variables for it, beside a bare few. Nothing of the caller's.

    Raises:
        UnavailableError: a program that this takes is not installed.
    """
    folders = [word for place, folder in (shown or {}).items() for word in (str(folder), place)]
    variables = {"PATH": _PATH, "HOME": "/tmp", "LANG": "C.UTF-8", **(environment or {})}  # noqa: S108 - its own
    return [
        *(tools.find("unshare"), "--mount", "--propagation", "private", "sh", "-c", _SCRIPT, "sh"),
        *(str(root), str(len(shown or {})), *folders),
        *("env", "-i", *(f"{name}={value}" for name, value in variables.items()), *argv),
    ]
