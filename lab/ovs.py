"""Open vSwitch with USDT probes, built from the distribution's source: no package of the distribution has them.

Guests find its programs first on ``PATH``. Nothing is pinned, and nothing is installed on this machine. Where it cannot
be had, guests have the distribution's, if that is installed, and tests that need more say so.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab import cache, tools
from lab.apt import Suite
from lab.errors import LabError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence

SOURCE = "openvswitch"
SUITES = ("sid", "trixie", "bookworm")
"""Where its source is looked for, in this order; mirrors may lack that of older suites."""

PROGRAMS = (
    "vswitchd/ovs-vswitchd",
    "ovsdb/ovsdb-server",
    "ovsdb/ovsdb-tool",
    "utilities/ovs-vsctl",
    "utilities/ovs-appctl",
    "utilities/ovs-dpctl",
    "utilities/ovs-ofctl",
)
_SCHEMA = "vswitchd/vswitch.ovsschema"
_NAME = "usdt"
_SHELF = "ovs"
_PATIENCE = 1200  # seconds for any one step; a minute for all, on a quiet machine
_TAIL = 15  # lines of a failed step
_OPTIONS = (
    *("--enable-usdt-probes", "--disable-ssl", "--disable-libcapng", "--disable-afxdp"),
    *("--prefix=/usr", "--localstatedir=/var", "--sysconfdir=/etc", "CFLAGS=-O1 -g0"),
)


@dataclass(frozen=True)
class OpenVSwitch:
    """A build.

    Attributes:
        package: Name and version of the source package.
        folder: Its programs, with the schema of the database beside them.
    """

    package: str
    folder: Path


def find() -> OpenVSwitch | None:
    """The build in the cache."""
    folder = cache.shelf(_SHELF) / _NAME
    try:
        facts = json.loads((folder / "ovs.json").read_text())
    except OSError:
        return None
    return OpenVSwitch(facts["package"], folder)


def fetch(*, again: bool = False) -> OpenVSwitch:
    """The build: from the cache, or fetched and made.

    Args:
        again: Make it even if it is there, from newer source.

    Raises:
        UnavailableError: it cannot be had here; the message says why.
    """
    if not again and (found := find()):
        return found
    tools.need("apt-get", "gcc", "make", "tar", "xz", "dtrace")
    with cache.locked(_SHELF):
        if not again and (found := find()):
            return found  # somebody else made it meanwhile
        with cache.replacing(_NAME, _SHELF) as folder, tempfile.TemporaryDirectory(prefix="tracer-lab-ovs-") as scratch:
            package = source(Path(scratch))
            _build(Path(scratch), folder)
            (folder / "ovs.json").write_text(json.dumps({"package": package}) + "\n")
    made = find()
    if made is None:
        raise LabError(f"the build of {SOURCE} vanished from {cache.root()}")
    return made


def source(folder: Path) -> str:
    """Fetch its source, and unpack it into ``source`` of the folder.

    Returns:
        Name and version.

    Raises:
        UnavailableError: no suite has it; the message has the reason of each.
    """
    reasons = []
    for name in SUITES:
        try:
            files = Suite(name, sources=True).source(SOURCE, folder)
        except UnavailableError as error:
            reasons.append(str(error))
            continue
        archives = [path for path in files if ".orig.tar." in path.name and path.suffix != ".asc"]
        descriptions = [path for path in files if path.suffix == ".dsc"]
        if len(archives) != 1 or len(descriptions) != 1:
            raise UnavailableError(f"the source of {SOURCE} is not as expected: {', '.join(p.name for p in files)}")
        (folder / "source").mkdir()
        _step(folder, "tar", "--extract", "--file", str(archives[0]), "--directory", "source", "--strip-components=1")
        return f"{SOURCE} {descriptions[0].stem.partition('_')[2]}"
    raise UnavailableError(f"the source of {SOURCE} cannot be had: {'; '.join(reasons)}")


def _build(scratch: Path, target: Path) -> None:
    tree = scratch / "source"
    _date(tree)
    _step(tree, "sh", "./configure", *_OPTIONS)
    # sources that others include come first: the makefile makes them so only where everything is made
    (tree / "first.mk").write_text("include Makefile\nfirst: $(BUILT_SOURCES)\n")
    jobs = f"-j{len(os.sched_getaffinity(0))}"
    _step(tree, "make", "-f", "first.mk", jobs, "first")
    _step(tree, "make", jobs, *PROGRAMS)
    for name in (*PROGRAMS, _SCHEMA):
        shutil.copy(tree / name, target)


def _date(tree: Path) -> None:
    """Have ``make`` believe that nothing of autoconf and automake need be made again: we have neither."""
    missing = tree / "debian" / "automake.mk"  # the distribution's archive lacks it
    missing.parent.mkdir(exist_ok=True)
    missing.touch()
    now = time.time()
    ages = {missing: -1000.0, tree / "aclocal.m4": 0.0, tree / "configure": 1.0, tree / "config.h.in": 1.0}
    for path, seconds in {**ages, **dict.fromkeys(tree.rglob("Makefile.in"), 2.0)}.items():
        if path.exists():  # what another release lacks, it does not need
            os.utime(path, (now - 100 + seconds, now - 100 + seconds))


def _step(folder: Path, *command: str) -> None:
    try:
        result = subprocess.run(
            command,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=_PATIENCE,
            cwd=folder,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{_short(command)} took longer than {_PATIENCE} s") from None
    if result.returncode:
        tail = "\n".join(result.stdout.splitlines()[-_TAIL:])
        raise UnavailableError(f"{_short(command)}, for {SOURCE}, ended with {result.returncode}\n{tail}")


def _short(command: Sequence[str]) -> str:
    return " ".join(command[:2])
