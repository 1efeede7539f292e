"""Kprobes and uprobes as perf events (4.17): the way that leaves nothing behind.

The other way, ``kprobe_events`` of tracefs, keeps a probe after its owner died; a perf event goes
with its descriptor: ``perf_kprobe_init``, ``perf_uprobe_init`` of kernel/trace/trace_event_perf.c.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICES = Path("/sys/bus/event_source/devices")
"""Kinds of perf events, a directory each."""

_ATTR = struct.Struct("=IIQ 40x QQ")
"""``struct perf_event_attr`` of PERF_ATTR_SIZE_VER1: type, size, config, what we leave 0, then
config1 (the address of a function's or file's name) and config2 (an offset)."""

_SYS_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241}
_FLAG_FD_CLOEXEC = 8
_IOC_SET_BPF = 0x40042408  # _IOW('$', 8, __u32)
_UNUSED_LIBC_FUNCTION = "a64l"  # POSIX, in every libc, called by hardly anybody


@contextmanager
def kprobe(function: str, *, returns: bool = False) -> Iterator[int]:
    """An event at the entry of a kernel function, or at its return, on all CPUs.

    Raises:
        OSError: as perf_event_open(2); ENOENT without kprobes or without the function.
    """
    with _event("kprobe", function.encode(), 0, pid=-1, cpu=0, returns=returns) as event:
        yield event


@contextmanager
def uprobe(path: str, offset: int) -> Iterator[int]:
    """An event at an offset in an ELF file, in this process only.

    Raises:
        OSError: as perf_event_open(2); ENOENT without uprobes.
    """
    with _event("uprobe", os.fsencode(path), offset, pid=0, cpu=-1, returns=False) as event:
        yield event


def set_program(event: int, program: int) -> None:
    """Run a program of type kprobe when the event happens.

    Raises:
        OSError: EINVAL where the kernel has no BPF on perf events.
    """
    try:
        fcntl.ioctl(event, _IOC_SET_BPF, program)
    except OSError as error:
        raise OSError(error.errno, f"attach program: {error.strerror}") from error


def libc_function() -> tuple[str, int]:
    """File and file offset of a function of our own libc that hardly anybody calls.

    Raises:
        OSError: ENOENT if our own mappings do not tell.
    """
    libc = ctypes.CDLL(None)
    address = ctypes.cast(getattr(libc, _UNUSED_LIBC_FUNCTION), ctypes.c_void_p).value or 0
    for line in Path("/proc/self/maps").read_text(encoding="utf-8").splitlines():
        # 7f12-7f34 r-xp 00028000 fe:00 1234   /usr/lib/libc.so.6
        span, _, offset, _, _, *path = line.split(maxsplit=5)
        start, end = (int(edge, 16) for edge in span.split("-"))
        if path and start <= address < end:
            return path[0], address - start + int(offset, 16)
    raise OSError(errno.ENOENT, "libc is not in /proc/self/maps")


@contextmanager
def _event(device: str, name: bytes, offset: int, *, pid: int, cpu: int, returns: bool) -> Iterator[int]:
    number = _SYS_PERF_EVENT_OPEN.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"unknown machine {os.uname().machine}")
    config = 1 << _number(device, "format/retprobe") if returns else 0
    text = ctypes.create_string_buffer(name)
    attr = _ATTR.pack(
        _number(device, "type"),
        _ATTR.size,
        config,
        ctypes.addressof(text),
        offset,
    )
    libc = ctypes.CDLL(None, use_errno=True)
    event = libc.syscall(ctypes.c_long(number), attr, pid, cpu, -1, ctypes.c_ulong(_FLAG_FD_CLOEXEC))
    if event < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"open {device} event: {os.strerror(code)}")
    try:
        yield event
    finally:
        os.close(event)


def _number(device: str, file: str) -> int:
    """The type of the device (``8``) or the place of a bit (``config:0``)."""
    try:
        text = (DEVICES / device / file).read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise OSError(errno.ENOENT, f"the kernel has no {device} events") from error
    return int(text.strip().rpartition(":")[2])
