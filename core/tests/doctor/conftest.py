"""A machine made of files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from tracer_core.backend.features import Feature
from tracer_core.backend.find_bcc import BccLocation
from tracer_core.doctor.system import System
from tracer_core.kernel.live import LiveSource

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROOT_CAPABILITIES = 0x1FFFFFFFFFF


class FakeBtf:
    """Type information with structs of the given names only."""

    def __init__(self, *structs: str) -> None:
        self.structs = structs

    def find(self, name: str, *_: object) -> object | None:
        return name if name in self.structs else None


class Machine:
    """A healthy machine, whose files tests may change."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.btf: Callable[[], object] = FakeBtf
        self.bcc: Callable[[], BccLocation] = lambda: BccLocation(root / "bcc", "0.31.0", ())
        self.libbpf: Callable[[], str] = lambda: "v1.5"
        self.libpcap: Callable[[], str] = lambda: "libpcap version 1.10.5"
        self.cache: Path | None = root / "cache"
        self.features: tuple[Feature, ...] = tuple(
            Feature(name, "gives", lambda: "done") for name in ("ring buffer", "raw tracepoint")
        )
        self.capabilities(ROOT_CAPABILITIES)
        self.file("proc/self/limits", "Max locked memory         unlimited  unlimited  bytes\n")
        self.file("proc/sys/kernel/osrelease", "6.1.0-test\n")
        self.file("proc/kallsyms", "ffffffff81000000 T _text\n")
        self.file("boot/config-6.1.0-test", "CONFIG_NET=y\n# CONFIG_KPROBES is not set\n")
        self.file("sys/kernel/btf/vmlinux")
        self.file("sys/kernel/btf/nf_tables")
        self.file("sys/kernel/tracing/available_events", "net:netif_rx\nskb:kfree_skb\n")
        self.file("sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
        self.user_namespace("user:[4026531837]")
        for tool in ("ip", "tcpdump"):
            self.file(f"usr/sbin/{tool}").chmod(0o755)

    def file(self, path: str, text: str = "") -> Path:
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def capabilities(self, mask: int) -> None:
        self.file("proc/self/status", f"Name:\tpython\nCapEff:\t{mask:016x}\nCapBnd:\t{0:016x}\n")

    def user_namespace(self, target: str) -> None:
        link = self.root / "proc/self/ns/user"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        os.symlink(target, link)  # noqa: PTH211 as the kernel has it: a name, not a path

    def system(self) -> System:
        return System(
            root=self.root,
            kernel=LiveSource(root=self.root),
            btf=self.btf,  # type: ignore[arg-type]
            features=self.features,
            bcc=self.bcc,
            libbpf=self.libbpf,
            libpcap=self.libpcap,
            cache=self.cache,
            search=(str(self.root / "usr/sbin"),),
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)
