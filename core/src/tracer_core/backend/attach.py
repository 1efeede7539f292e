"""Attaching of loaded programs. What is attached goes with a descriptor, so nothing outlives us."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.backend import perf_probe
from tracer_core.backend.descriptors import owned
from tracer_core.backend.uapi import AttachType
from tracer_core.errors import MachineError, RunError, privileges
from tracer_core.libbpf import KprobeMulti, LinkCreateOpts, library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tracer_core.plan.plan import PlannedProbe
    from tracer_core.userspace.live import UserPlace

_MULTI_RETURN = 1  # BPF_F_KPROBE_MULTI_RETURN


@contextmanager
def raw(probe: PlannedProbe, program: int, *, typed: bool) -> Iterator[int]:
    """A program on a tracepoint or, if it was loaded for one, on a trampoline; gives the descriptor of the link.

    Raises:
        OSError: as bpf(2).
    """
    # for typed programs, whatever they are attached to, the name is in the program
    name = None if typed else probe.probe.target.partition(":")[2].encode()
    with owned(library().bpf_raw_tracepoint_open(name, program)) as link:
        yield link


@contextmanager
def kprobe(function: str, program: int, *, returns: bool, cookie: int | None) -> Iterator[int | None]:
    """A program on one function; gives the descriptor of the link if there is a cookie.

    Args:
        function: Its name.
        program: Descriptor.
        returns: At its return instead of its entry.
        cookie: What the program is told, where the kernel can (5.15).

    Raises:
        OSError: as perf_event_open(2) and bpf(2).
    """
    with perf_probe.kprobe(function, returns=returns) as event, _on_event(event, program, cookie) as link:
        yield link


@contextmanager
def uprobe(place: UserPlace, program: int, *, cookie: int | None) -> Iterator[int | None]:
    """A program on a place in a process, whose semaphore is raised meanwhile if it has one; gives as :func:`kprobe`.

    Args:
        place: Where.
        program: Descriptor.
        cookie: What the program is told, where the kernel can (5.15).

    Raises:
        OSError: as perf_event_open(2) and bpf(2).
    """
    event = perf_probe.uprobe(place.path, place.offset, pid=place.pid, ref_ctr_offset=place.semaphore)
    with event as descriptor, _on_event(descriptor, program, cookie) as link:
        yield link


@contextmanager
def kprobes(cookies: Mapping[str, int], program: int, *, returns: bool) -> Iterator[int]:
    """A program on many functions at once (5.18); gives the descriptor of the link.

    Args:
        cookies: What the program is told, by function.
        program: Descriptor of one loaded for :attr:`~tracer_core.backend.uapi.AttachType.TRACE_KPROBE_MULTI`.
        returns: At their return instead of their entry.

    Raises:
        OSError: as bpf(2); ESRCH or EINVAL if any of the functions cannot be probed: none is then.
    """
    count = len(cookies)
    symbols = (ctypes.c_char_p * count)(*(name.encode() for name in cookies))
    values = (ctypes.c_uint64 * count)(*cookies.values())
    options = LinkCreateOpts()
    options.sz = ctypes.sizeof(options)
    options.kprobe_multi = KprobeMulti(
        flags=_MULTI_RETURN if returns else 0, cnt=count, syms=symbols, cookies=ctypes.addressof(values)
    )
    with owned(library().bpf_link_create(program, 0, AttachType.TRACE_KPROBE_MULTI, ctypes.byref(options))) as link:
        yield link


def explained(probe: PlannedProbe, error: OSError) -> RunError | MachineError:
    """What to tell the user of an attachment that failed."""
    message = f"probe {probe.probe}: cannot attach: {error.strerror}"
    if probe.user is not None and _has_ended(probe.user, error):
        return RunError(f"probe {probe.probe}: process {probe.user.pid} has ended", hint="start it, then trace")
    if probe.user is not None and error.errno == errno.EOPNOTSUPP:  # perf_probe says what for
        return MachineError(message, hint="see: tracer doctor")
    if error.errno == errno.EMFILE:
        return MachineError(message, hint="allow more open files: ulimit -Hn; or probe fewer places")
    if error.errno in (errno.EPERM, errno.EACCES):
        return MachineError(message, hint=privileges())
    if probe.probe.kind.breaks and error.errno == errno.ENOENT:
        return MachineError(message, hint="use a tracepoint, fentry or fexit; see: tracer doctor")
    return RunError(message, hint="see: tracer doctor")


def _has_ended(place: UserPlace, error: OSError) -> bool:
    # of one that has ended and is still waited for, the kernel finds the process but not the file
    return error.errno == errno.ESRCH or (error.errno == errno.ENOENT and not Path(place.path).exists())


@contextmanager
def _on_event(event: int, program: int, cookie: int | None) -> Iterator[int | None]:
    if cookie is None:
        perf_probe.set_program(event, program)
        yield None
    else:
        link = perf_probe.link_program(event, program, cookie)
        try:
            yield link
        finally:
            os.close(link)
