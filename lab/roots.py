"""Root file systems of other releases of the distribution: minimal, in folders of the cache, made once each.

For what must be seen where users are: another Python, another BCC, tools that this machine's release lacks. A guest may
have one as its root (:class:`lab.qemu.Machine`), and programs of it run on this machine through :mod:`lab.chroot`.
Nothing of it is pinned, and nothing in such a folder is changed once it is there.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab import apt, cache, tools
from lab.errors import LabError, UnavailableError

_SHELF = "roots"
_PATIENCE = 900  # seconds; half a minute where the mirror is near
_TAIL = 5  # lines of what failed
_PROGRAM = "mmdebstrap"

# What a user of the tool installs, what traffic is made with, and what loads modules in guests
_COMMON = ("python3", "python3-venv", "python3-bpfcc", "libpcap0.8", "iproute2", "iputils-ping", "kmod")


@dataclass(frozen=True)
class Release:
    """A release of the distribution.

    Attributes:
        name: As in ``debian13``.
        suite: What the mirror calls it.
        packages: What is in it beside what is essential; what they need comes along.
    """

    name: str
    suite: str
    packages: tuple[str, ...]


RELEASES = {
    release.name: release
    for release in (
        Release("debian12", "bookworm", _COMMON),
        Release("debian13", "trixie", (*_COMMON, "pwru")),
    )
}


@dataclass(frozen=True)
class Root:
    """A root file system in a folder.

    Attributes:
        name: Of the release.
        version: Of the distribution, as in ``13.2``.
        folder: What would be ``/``.
    """

    name: str
    version: str
    folder: Path


def find(name: str) -> Root | None:
    """The root of that release in the cache; none either if it was made with other packages than it would have now."""
    release = _release(name)
    place = cache.shelf(_SHELF) / name
    try:
        facts = json.loads((place / "root.json").read_text())
    except OSError:
        return None
    if facts["packages"] != list(release.packages):
        return None
    return Root(name, facts["version"], place / "tree")


def fetch(name: str, *, again: bool = False) -> Root:
    """The root of that release: from the cache, or made from packages of the mirror.

    Args:
        name: As in ``debian13``.
        again: Make it even if it is there, from newer packages.

    Raises:
        UnavailableError: it cannot be had here; the message says why.
        LabError: there is no such release.
    """
    release = _release(name)
    if not again and (found := find(name)):
        return found
    if os.geteuid() != 0:
        raise UnavailableError(f"only root can make a root file system of {name}")
    tools.need(_PROGRAM)
    with cache.locked(f"{_SHELF}-{name}"):
        if not again and (found := find(name)):
            return found  # somebody else made it meanwhile
        with cache.replacing(name, _SHELF) as place, tempfile.TemporaryDirectory(prefix="tracer-lab-roots-") as scratch:
            _make(release, place / "tree", Path(scratch))
            version = (place / "tree/etc/debian_version").read_text().strip()
            facts = {"version": version, "packages": release.packages}
            (place / "root.json").write_text(json.dumps(facts, indent=1) + "\n")
    made = find(name)
    if made is None:
        raise LabError(f"the root file system of {name} vanished from {cache.root()}")
    return made


def _release(name: str) -> Release:
    try:
        return RELEASES[name]
    except KeyError:
        raise LabError(f"there is no root {name!r} in the lab; there are: {', '.join(RELEASES)}") from None


def _make(release: Release, tree: Path, scratch: Path) -> None:
    # mmdebstrap has apt fetch, but in a configuration of its own: how to reach the mirror is the machine's
    settings, sources = scratch / "apt.conf", scratch / "sources.list"
    settings.write_text(apt.transport())
    sources.write_text(f"deb [signed-by={apt.KEYRING}] {apt.mirror()} {release.suite} main\n")
    command = [
        *(tools.find(_PROGRAM), "--mode=root", "--variant=minbase", f"--aptopt={settings}"),
        f"--include={','.join(release.packages)}",
        *(release.suite, str(tree), str(sources)),
    ]
    try:
        result = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_PATIENCE, stdin=subprocess.DEVNULL
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{release.name}: {_PROGRAM} took longer than {_PATIENCE} s") from None
    if result.returncode:
        lines = result.stderr.strip().splitlines()
        errors = [line for line in lines if line.startswith("E:")] or lines[-_TAIL:]
        raise UnavailableError(f"{release.name}: {'; '.join(errors) or f'{_PROGRAM} failed'}")
