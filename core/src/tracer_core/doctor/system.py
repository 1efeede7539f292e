"""The machine as checks see it: everything they ask goes through here, so that it can be faked."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core import libbpf
from tracer_core.backend import features, find_bcc
from tracer_core.backend.cache import default_folder
from tracer_core.filters import pcap
from tracer_core.kernel.live import LiveSource

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.backend.features import Feature
    from tracer_core.backend.find_bcc import BccLocation
    from tracer_core.kernel.btf import Btf

ADMIN_PATH = ("/usr/local/sbin", "/usr/sbin", "/sbin")
"""Where tools live that only administrators have on their PATH."""


@dataclass(frozen=True)
class System:
    """A machine.

    Attributes:
        root: Where its ``proc`` and ``sys`` are.
        kernel: Raw material about the kernel.
        btf: Type information of vmlinux; raises MachineError.
        features: What to try on the kernel.
        bcc: Finds BCC and imports it; raises MachineError.
        libbpf: Version of libbpf; raises MachineError.
        libpcap: What libpcap says of itself; raises MachineError.
        cache: Folder of the compile cache, if there is to be one.
        search: Directories with programs.
    """

    root: Path
    kernel: LiveSource
    btf: Callable[[], Btf]
    features: tuple[Feature, ...]
    bcc: Callable[[], BccLocation]
    libbpf: Callable[[], str]
    libpcap: Callable[[], str]
    cache: Path | None
    search: tuple[str, ...] = field(default=())

    def text(self, path: str) -> str:
        """Content of a file, by its absolute path.

        Raises:
            OSError: it is missing or not readable.
        """
        return (self.root / path.lstrip("/")).read_text(encoding="utf-8", errors="replace")

    def link(self, path: str) -> str:
        """Target of a symbolic link, by its absolute path.

        Raises:
            OSError: it is missing or not readable.
        """
        return str((self.root / path.lstrip("/")).readlink())

    def tool(self, name: str) -> str | None:
        """Where a program is, nothing if it is not installed."""
        return shutil.which(name, path=os.pathsep.join(self.search))


def live() -> System:
    """This machine; nothing is read before a check asks for it."""
    kernel = LiveSource()
    btf = cache(kernel.vmlinux)
    return System(
        root=Path("/"),
        kernel=kernel,
        btf=btf,
        features=features.features(btf),
        bcc=_usable_bcc,
        libbpf=libbpf.version,
        libpcap=pcap.version,
        cache=default_folder(),
        search=(*os.environ.get("PATH", os.defpath).split(os.pathsep), *ADMIN_PATH),
    )


def _usable_bcc() -> BccLocation:
    location = find_bcc.locate()
    find_bcc.load()
    return location
