"""The command line of QEMU."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAM = "qemu-system-x86_64"

_KERNEL_PARAMETERS = (
    "console=ttyS0 quiet loglevel=4 panic=-1 mitigations=off init_on_alloc=0 tsc=reliable no_timer_check "
    "cryptomgr.notests nokaslr apparmor=0 audit=0 selinux=0 net.ifnames=0"
)


@dataclass(frozen=True)
class Machine:
    """What a guest has.

    Attributes:
        memory: MiB; what is written in the guest is in there, too.
        cpus: How many processors. With several, emulated at a time, one can run into an instruction that another is
            patching: kernels die of it now and then, and probes patch all the time.
        append: More parameters of the kernel, with spaces between.
        tracefs: Whether tracefs and debugfs are mounted.
        root: Name of the root file system in :mod:`lab.roots`; that of this machine if not given.
    """

    memory: int = 3072
    cpus: int = 1
    append: str = ""
    tracefs: bool = True
    root: str | None = None


def command(machine: Machine, vmlinux: Path, initrd: Path, share: Path, *, ports: Sequence[int]) -> list[str]:
    """What to execute.

    Args:
        machine: What the guest has.
        vmlinux: The kernel.
        initrd: Its first root file system.
        share: The folder that is ``/run/lab`` in the guest.
        ports: Descriptors of two pipes: what the command prints goes to the first, what it complains of to the second.
    """
    # TCG, always: a /dev/kvm that only emulates fails half way. Nehalem: no AVX to emulate, faster than "max".
    return [
        *(PROGRAM, "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-monitor", "none"),
        *("-machine", "pc", "-accel", "tcg,thread=multi,tb-size=512", "-cpu", "Nehalem"),
        *("-m", str(machine.memory), "-smp", str(machine.cpus)),
        *("-kernel", str(vmlinux), "-initrd", str(initrd)),
        *("-append", f"{_KERNEL_PARAMETERS} {machine.append}".rstrip()),
        *("-serial", f"file:{_escaped(share / 'console')}"),
        *("-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-device", "virtio-serial-pci"),
        *_port("out", 1, ports[0]),
        *_port("err", 2, ports[1]),
        *_shared("root", "/", ",readonly=on"),
        *_shared("lab", str(share)),
    ]


def _port(name: str, number: int, descriptor: int) -> list[str]:
    chardev = f"file,id={name},path=/proc/self/fd/{descriptor}"
    return ["-chardev", chardev, "-device", f"virtserialport,chardev={name},nr={number}"]


def _shared(tag: str, path: str, options: str = "") -> list[str]:
    fsdev = f"local,id={tag},path={_escaped(path)},security_model=none,multidevs=remap{options}"
    return ["-fsdev", fsdev, "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]


def _escaped(path: Path | str) -> str:
    return str(path).replace(",", ",,")
