"""Where prepared kernels, and what else takes long to make, lie; and what is known of each kernel.

Outside of the tree, so that all clones share them: ``$TRACER_LAB_CACHE``, else ``$XDG_CACHE_HOME/tracer-lab``, else
``~/.cache/tracer-lab``. A kernel is one folder, put in place by one rename when it is complete: a folder that exists
can be booted. The same goes for all else.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VARIABLE = "TRACER_LAB_CACHE"
KERNELS = "kernels"
FORMAT = "1"
"""Part of the path: what an older lab prepared is not taken for ours."""


def root(environment: Mapping[str, str] = os.environ) -> Path:
    """The folder of the cache, whether it exists or not."""
    if named := environment.get(VARIABLE):
        return Path(named).absolute()
    base = environment.get("XDG_CACHE_HOME") or Path(environment.get("HOME") or Path.home(), ".cache")
    return Path(base, "tracer-lab").absolute()


@dataclass(frozen=True)
class Kernel:
    """A kernel that can be booted.

    Attributes:
        name: Its short name, as in ``6.1``.
        release: What ``uname -r`` says in it.
        package: Name and version of the package it is from.
        folder: What it consists of.
    """

    name: str
    release: str
    package: str
    folder: Path

    @property
    def vmlinux(self) -> Path:
        """The kernel as an ELF file, which QEMU starts without a decompressor."""
        return self.folder / "vmlinux"

    @property
    def boot_modules(self) -> Path:
        """An archive of the modules without which there is no root file system."""
        return self.folder / "modules.cpio"

    @property
    def modules(self) -> Path:
        """What becomes ``/lib/modules/RELEASE``."""
        return self.folder / "lib" / "modules" / self.release

    @property
    def config(self) -> Path:
        """What becomes ``/boot/config-RELEASE``."""
        return self.folder / "config"

    def save(self) -> None:
        """Write down what :func:`find` reads."""
        facts = {key: value for key, value in asdict(self).items() if key != "folder"}
        (self.folder / "kernel.json").write_text(json.dumps(facts, indent=1) + "\n")


def find(name: str) -> Kernel | None:
    """The prepared kernel of that short name."""
    folder = shelf() / name
    try:
        facts = json.loads((folder / "kernel.json").read_text())
    except OSError:
        return None
    return Kernel(folder=folder, **facts)


@contextmanager
def replacing(name: str, kind: str = KERNELS) -> Iterator[Path]:
    """A new folder, which takes the place of that name's when the block ends well, and vanishes when not.

    Args:
        name: Of a kernel, or of another thing.
        kind: What it is.
    """
    shelf(kind).mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=shelf(kind)))
    try:
        yield fresh
        final, old = shelf(kind) / name, Path(f"{fresh}.old")
        if final.exists():
            final.rename(old)
        fresh.rename(final)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


@contextmanager
def locked(what: str) -> Iterator[None]:
    """Be the only process that does this: others wait until the block ends, however it does.

    Args:
        what: A name for it.
    """
    root().mkdir(parents=True, exist_ok=True)
    with (root() / f"{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def shelf(kind: str = KERNELS) -> Path:
    """The folder of all things of one kind, whether it exists or not."""
    return root() / f"{kind}-{FORMAT}"
