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

from tracer_core.backend.uapi import AttachType
from tracer_core.libbpf import LinkCreateOpts, PerfEvent, library

if TYPE_CHECKING:
    from collections.abc import Iterator

DEVICES = Path("/sys/bus/event_source/devices")
"""Kinds of perf events, a directory each."""

CURRENT_PROCESS, EVERY_PROCESS = 0, -1
"""For ``pid`` of a uprobe."""

_ATTR = struct.Struct("=IIQ 40x QQ")
"""``struct perf_event_attr`` of PERF_ATTR_SIZE_VER1: type, size, config, what we leave 0, then
config1 (the address of a function's or file's name) and config2 (an offset)."""

_COUNTER = "format/ref_ctr_offset"
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
    with _event("kprobe", function.encode(), 0, pid=EVERY_PROCESS, returns=returns) as event:
        yield event


@contextmanager
def uprobe(
    path: str, offset: int, *, pid: int = CURRENT_PROCESS, returns: bool = False, ref_ctr_offset: int = 0
) -> Iterator[int]:
    """An event at an offset in an ELF file, or at the return of a function that begins there, on all CPUs.

    Args:
        path: Of the file, as we can open it.
        offset: In the file.
        pid: Of a process, all of whose threads are meant and none of its children; or of any of its threads.
        returns: Instead of at the entry.
        ref_ctr_offset: Where in the file a 16-bit counter is that the kernel shall raise while we listen (4.20).

    Raises:
        OSError: as perf_event_open(2); ENOENT without uprobes or the file, ESRCH without the process.
    """
    if ref_ctr_offset and not (DEVICES / "uprobe" / _COUNTER).exists():
        raise OSError(errno.EOPNOTSUPP, "the kernel cannot raise the semaphore of a USDT probe")
    name = os.fsencode(path)
    with _event("uprobe", name, offset, pid=pid, returns=returns, ref_ctr_offset=ref_ctr_offset) as event:
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


def link_program(event: int, program: int, cookie: int) -> int:
    """Run a program of type kprobe when the event happens, with a number for ``bpf_get_attach_cookie`` (5.15).

    Returns:
        Descriptor of the link; closing it detaches the program.

    Raises:
        OSError: EINVAL where the kernel has no such links.
    """
    options = LinkCreateOpts(sz=ctypes.sizeof(LinkCreateOpts), perf_event=PerfEvent(bpf_cookie=cookie))
    link: int = library().bpf_link_create(program, event, AttachType.PERF_EVENT, ctypes.byref(options))
    if link < 0:
        raise OSError(-link, f"attach program with a cookie: {os.strerror(-link)}")
    return link


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
def _event(device: str, name: bytes, offset: int, *, pid: int, returns: bool, ref_ctr_offset: int = 0) -> Iterator[int]:
    number = _SYS_PERF_EVENT_OPEN.get(os.uname().machine)
    if number is None:
        raise OSError(errno.ENOSYS, f"unknown machine {os.uname().machine}")
    config = 1 << _number(device, "format/retprobe") if returns else 0
    if ref_ctr_offset:
        config |= ref_ctr_offset << _number(device, _COUNTER)
    text = ctypes.create_string_buffer(name)
    attr = _ATTR.pack(
        _number(device, "type"),
        _ATTR.size,
        config,
        ctypes.addressof(text),
        offset,
    )
    # An event of every process has to name a CPU, any that is online: BPF programs of probes run before the kernel
    # looks for the CPU's events (kprobe_perf_func, __uprobe_perf_func of kernel/trace), so on all of them.
    cpu = min(os.sched_getaffinity(0)) if pid == EVERY_PROCESS else -1
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
    """The type of the device (``8``), or the first bit of a field (``config:0``, ``config:32-63``)."""
    try:
        text = (DEVICES / device / file).read_text(encoding="ascii")
    except FileNotFoundError as error:
        raise OSError(errno.ENOENT, f"the kernel has no {device} events") from error
    return int(text.strip().rpartition(":")[2].partition("-")[0])
