"""Programs and maps that are loaded and attached for a moment, to see what the running kernel takes.

Each says what was done, and raises OSError as the kernel does, with the step that failed. Nothing outlives its trial.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tracer_core.backend import attach, perf_probe
from tracer_core.backend.descriptors import owned
from tracer_core.backend.instructions import kernel_call
from tracer_core.backend.uapi import AttachType, MapType, ProgramType
from tracer_core.kernel.btf_types import Kind
from tracer_core.libbpf import ProgLoadOpts, library

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.kernel.btf import Btf

# r0 = 0: BPF_ALU64|BPF_MOV|BPF_K; exit: BPF_JMP|BPF_EXIT
_EMPTY_PROGRAM = bytes.fromhex("b700000000000000 9500000000000000")
# call 174, bpf_get_attach_cookie, whose argument is already in r1: BPF_JMP|BPF_CALL
_COOKIE_PROGRAM = bytes.fromhex("85000000ae000000") + _EMPTY_PROGRAM
# r2 = the number that follows: BPF_ALU64|BPF_MOV|BPF_K
_SECOND = bytes.fromhex("b7020000")

TRACEPOINTS = ("xdp_exception", "consume_skb")
"""Tracepoints to try, the first that BTF knows. ``xdp_exception`` (4.11) comes with BPF itself
(kernel/bpf/core.c) and fires only when an XDP program fails; ``consume_skb`` is everywhere."""

FUNCTION = "register_netdevice"
"""Function to probe: exported, so never inlined, in every kernel with a network, rarely called."""


def ring_buffer() -> str:
    """Make a ring buffer of one page."""
    fd = library().bpf_map_create(MapType.RINGBUF, b"tracer_check", 0, 0, mmap.PAGESIZE, None)
    with owned(fd, "create map"):
        return "map created"


def raw_tracepoint() -> str:
    """Attach to a tracepoint, without its types."""
    with _program(ProgramType.RAW_TRACEPOINT) as program:
        for name in TRACEPOINTS[:-1]:
            try:
                return _attach_raw(name, program)
            except FileNotFoundError:
                continue
        return _attach_raw(TRACEPOINTS[-1], program)


def _attach_raw(name: str, program: int) -> str:
    with owned(library().bpf_raw_tracepoint_open(name.encode(), program), f"attach to {name}"):
        return f"attached to {name}"


def typed_tracepoint(btf: Btf) -> str:
    """Attach to a tracepoint, with its types."""
    with _typed_program(btf) as (program, name):
        return _attach_typed(name, program)


@contextmanager
def _typed_program(btf: Btf) -> Iterator[tuple[int, str]]:
    for name in TRACEPOINTS:
        found = btf.find(f"btf_trace_{name}", Kind.TYPEDEF)
        if found is not None:
            with _program(ProgramType.TRACING, attach_type=AttachType.TRACE_RAW_TP, btf_id=found.id) as program:
                yield program, name
            return
    raise OSError(errno.ENOENT, f"BTF has no type btf_trace_{TRACEPOINTS[-1]}")


def trampoline(btf: Btf, attach_type: AttachType) -> str:
    """Attach to a function by its trampoline."""
    found = btf.find(FUNCTION, Kind.FUNC)
    if found is None:
        raise OSError(errno.ENOENT, f"BTF has no function {FUNCTION}")
    with _program(ProgramType.TRACING, attach_type=attach_type, btf_id=found.id) as program:
        return _attach_typed(FUNCTION, program)


def _attach_typed(name: str, program: int) -> str:
    """Attach a program to what it was loaded for.

    That is ``bpf_raw_tracepoint_open`` without a name, for fentry and fexit as well:
    ``bpf_raw_tracepoint_open`` of kernel/bpf/syscall.c.
    """
    with owned(library().bpf_raw_tracepoint_open(None, program), f"attach to {name}"):
        return f"attached to {name}"


def kprobe(*, returns: bool) -> str:
    """Attach to a function by a kprobe."""
    # the event first: whether the kernel has such events can be seen without privileges
    with perf_probe.kprobe(FUNCTION, returns=returns) as event, _program(ProgramType.KPROBE) as program:
        perf_probe.set_program(event, program)
        return f"attached to {FUNCTION}"


def kprobe_multi() -> str:
    """Attach to a function as to one of many."""
    with _program(ProgramType.KPROBE, attach_type=AttachType.TRACE_KPROBE_MULTI) as program:
        try:
            with attach.kprobes({FUNCTION: 0}, program, returns=False):
                return f"attached to {FUNCTION}"
        except OSError as error:
            raise OSError(error.errno, f"attach to {FUNCTION}: {error.strerror}") from error


def uprobe() -> str:
    """Attach to a function of our own process."""
    path, offset = perf_probe.libc_function()
    with perf_probe.uprobe(path, offset) as event, _program(ProgramType.KPROBE) as program:
        perf_probe.set_program(event, program)
        return f"attached to {path}, in this process only"


def attach_cookie() -> str:
    """Attach with a cookie."""
    # by a uprobe: every kernel with kprobes that we may use has them, and it leaves the kernel's own code alone
    path, offset = perf_probe.libc_function()
    with perf_probe.uprobe(path, offset) as event, _program(ProgramType.KPROBE, code=_COOKIE_PROGRAM) as program:
        os.close(perf_probe.link_program(event, program, 1))
        return f"attached to {path}, in this process only"


def load_typed(btf: Btf) -> str:
    """Only load a program with the types of a tracepoint (5.5).

    That takes half a millisecond. Attaching takes ten more, for the kernel patches its code, and goes through the same
    call as for raw tracepoints.
    """
    with _typed_program(btf) as (_, name):
        return f"loaded for {name}"


def load_cookie() -> str:
    """Only load a program that asks for its cookie, in less than a millisecond.

    Links of perf events came with the helper (5.15), and detaching a uprobe takes a tenth of a second.
    """
    with _program(ProgramType.KPROBE, code=_COOKIE_PROGRAM):
        return "loaded"


def load_cast(btf: Btf) -> str:
    """Only load a program that calls ``bpf_rdonly_cast`` (6.2), in less than a millisecond.

    It is a function of the kernel and no helper, so programs that call it must be compiled by the kernel
    (``add_kfunc_call()``, kernel/bpf/verifier.c).
    """
    cast, skb = btf.find("bpf_rdonly_cast", Kind.FUNC), btf.find("sk_buff", Kind.STRUCT)
    if cast is None or skb is None:
        raise OSError(errno.ENOENT, "BTF has no function bpf_rdonly_cast")
    code = _SECOND + skb.id.to_bytes(4, sys.byteorder) + kernel_call(cast.id) + _EMPTY_PROGRAM
    with _program(ProgramType.RAW_TRACEPOINT, code=code):
        return "loaded"


@contextmanager
def _program(
    kind: ProgramType, *, attach_type: int = 0, btf_id: int = 0, code: bytes = _EMPTY_PROGRAM
) -> Iterator[int]:
    opts = ProgLoadOpts(expected_attach_type=attach_type, attach_btf_id=btf_id)
    opts.sz = ctypes.sizeof(opts)
    fd = library().bpf_prog_load(kind, b"tracer_check", b"GPL", code, len(code) // 8, ctypes.byref(opts))
    with owned(fd, "load program") as program:
        yield program
