"""What the running kernel offers, found by trying: load an empty program, attach it, take it away.

A release number or a configuration option would be a guess: distributions backport, and security
policy may refuse what the kernel can do. Nothing here outlives its check.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.backend import attach, perf_probe
from tracer_core.backend.descriptors import owned
from tracer_core.backend.instructions import kernel_call
from tracer_core.backend.uapi import AttachType, MapType, ProgramType
from tracer_core.errors import MachineError
from tracer_core.kernel.btf_types import Kind
from tracer_core.libbpf import ProgLoadOpts, library

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tracer_core.kernel.btf import Btf
    from tracer_core.types import ProbeKind

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

_DENIED = frozenset({errno.EPERM, errno.EACCES})


class Status(StrEnum):
    """What came of a check."""

    OK = "ok"
    MISSING = "missing"
    DENIED = "denied"


@dataclass(frozen=True, slots=True)
class FeatureResult:
    """The answer of the kernel.

    Attributes:
        status: ``denied`` if privileges or policy refuse it, ``missing`` if the kernel lacks it.
        detail: What was done, or which step failed and why.
    """

    status: Status
    detail: str

    @property
    def ok(self) -> bool:
        """Whether the feature may be used."""
        return self.status is Status.OK


@dataclass(frozen=True)
class Feature:
    """One ability of the kernel.

    Attributes:
        name: For people: ``ring buffer``.
        gives: What we use it for.
        probe: Tries it and says what was done. Raises OSError as the kernel does, or MachineError.
    """

    name: str
    gives: str
    probe: Callable[[], str]

    def check(self) -> FeatureResult:
        """Try it, once per object; never raises."""
        return self._result

    @cached_property
    def _result(self) -> FeatureResult:
        return _tried(self.probe)


def _tried(probe: Callable[[], str]) -> FeatureResult:
    try:
        return FeatureResult(Status.OK, probe())
    except OSError as error:
        status = Status.DENIED if error.errno in _DENIED else Status.MISSING
        return FeatureResult(status, _explained(error))
    except MachineError as error:
        return FeatureResult(Status.MISSING, error.message)


def features(btf: Callable[[], Btf]) -> tuple[Feature, ...]:
    """All that we know to check on this kernel; nothing happens before ``check()``.

    Args:
        btf: Gives the BTF of vmlinux; may raise MachineError.
    """
    uprobe = Feature("uprobe", "probes on functions of processes", _uprobe)
    return (
        Feature("ring buffer", "how events leave the kernel", _ring_buffer),
        Feature("raw tracepoint", "probes on tracepoints", _raw_tracepoint),
        Feature(
            "typed tracepoint",
            "probes on tracepoints at less than half the cost",
            lambda: _typed_tracepoint(btf()),
        ),
        Feature("kprobe", "probes on kernel functions", lambda: _kprobe(returns=False)),
        Feature("kretprobe", "probes on returns of functions", lambda: _kprobe(returns=True)),
        Feature("kprobe-multi", "many functions attached at once", _kprobe_multi),
        Feature("attach cookie", "one program for many probes", _attach_cookie),
        Feature("fentry", "cheap probes on functions", lambda: _trampoline(btf(), AttachType.TRACE_FENTRY)),
        Feature("fexit", "cheap probes on returns", lambda: _trampoline(btf(), AttachType.TRACE_FEXIT)),
        uprobe,
        # USDT is a uprobe at an address that a note of the ELF file gives
        Feature("USDT", "probes that Open vSwitch has built in", lambda: _same_as(uprobe)),
    )


def typed_tracepoints(btf: Btf) -> bool:
    """Whether typed raw tracepoints (``tp_btf``, 5.5) can be loaded; for the start of a run.

    It only loads, in half a millisecond: attaching takes ten more, for the kernel patches its
    code, and goes through the same call as for raw tracepoints.

    Args:
        btf: BTF of vmlinux, as the kernel view has it.
    """

    def probe() -> str:
        with _typed_program(btf) as (_, name):
            return f"loaded for {name}"

    return _tried(probe).ok


def attach_cookies() -> bool:
    """Whether a program can be told by which of its probes it runs; for the start of a run.

    It only loads, in less than a millisecond: links of perf events came with the helper (5.15), and
    detaching a uprobe takes a tenth of a second.
    """

    def probe() -> str:
        with _program(ProgramType.KPROBE, code=_COOKIE_PROGRAM):
            return "loaded"

    return _tried(probe).ok


def kprobe_multi() -> bool:
    """Whether many kprobes can be attached at once, with a cookie each (5.18)."""
    return _tried(_kprobe_multi).ok


def casts(btf: Btf) -> bool:
    """Whether programs can call ``bpf_rdonly_cast`` (6.2); for the start of a run.

    It is a function of the kernel and no helper, so programs that call it must be compiled by the kernel
    (``add_kfunc_call()``, kernel/bpf/verifier.c). It only loads, in less than a millisecond.

    Args:
        btf: BTF of vmlinux, as the kernel view has it.
    """
    cast, skb = btf.find("bpf_rdonly_cast", Kind.FUNC), btf.find("sk_buff", Kind.STRUCT)
    if cast is None or skb is None:
        return False

    code = _SECOND + skb.id.to_bytes(4, sys.byteorder) + kernel_call(cast.id) + _EMPTY_PROGRAM

    def probe() -> str:
        with _program(ProgramType.RAW_TRACEPOINT, code=code):
            return "loaded"

    return _tried(probe).ok


def working(kinds: Iterable[ProbeKind], btf: Callable[[], Btf]) -> tuple[ProbeKind, ...]:
    """Those of some ways to probe functions that work here, in the same order, found by trying.

    Args:
        kinds: Each the name of a feature.
        btf: Gives the BTF of vmlinux.
    """
    found = {feature.name: feature for feature in features(btf)}
    return tuple(kind for kind in kinds if found[kind.value].check().ok)


def _ring_buffer() -> str:
    fd = library().bpf_map_create(MapType.RINGBUF, b"tracer_check", 0, 0, mmap.PAGESIZE, None)
    with owned(fd, "create map"):
        return "map created"


def _raw_tracepoint() -> str:
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


def _typed_tracepoint(btf: Btf) -> str:
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


def _trampoline(btf: Btf, attach_type: AttachType) -> str:
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


def _kprobe(*, returns: bool) -> str:
    # the event first: whether the kernel has such events can be seen without privileges
    with perf_probe.kprobe(FUNCTION, returns=returns) as event, _program(ProgramType.KPROBE) as program:
        perf_probe.set_program(event, program)
        return f"attached to {FUNCTION}"


def _kprobe_multi() -> str:
    with _program(ProgramType.KPROBE, attach_type=AttachType.TRACE_KPROBE_MULTI) as program:
        try:
            with attach.kprobes({FUNCTION: 0}, program, returns=False):
                return f"attached to {FUNCTION}"
        except OSError as error:
            raise OSError(error.errno, f"attach to {FUNCTION}: {error.strerror}") from error


def _uprobe() -> str:
    path, offset = perf_probe.libc_function()
    with perf_probe.uprobe(path, offset) as event, _program(ProgramType.KPROBE) as program:
        perf_probe.set_program(event, program)
        return f"attached to {path}, in this process only"


def _attach_cookie() -> str:
    # by a uprobe: every kernel with kprobes that we may use has them, and it leaves the kernel's own code alone
    path, offset = perf_probe.libc_function()
    with perf_probe.uprobe(path, offset) as event, _program(ProgramType.KPROBE, code=_COOKIE_PROGRAM) as program:
        os.close(perf_probe.link_program(event, program, 1))
        return f"attached to {path}, in this process only"


def _same_as(other: Feature) -> str:
    result = other.check()
    if not result.ok:
        code = errno.EPERM if result.status is Status.DENIED else errno.ENOENT
        raise OSError(code, f"needs {other.name}")
    return f"by {other.name}"


@contextmanager
def _program(
    kind: ProgramType, *, attach_type: int = 0, btf_id: int = 0, code: bytes = _EMPTY_PROGRAM
) -> Iterator[int]:
    opts = ProgLoadOpts(expected_attach_type=attach_type, attach_btf_id=btf_id)
    opts.sz = ctypes.sizeof(opts)
    fd = library().bpf_prog_load(kind, b"tracer_check", b"GPL", code, len(code) // 8, ctypes.byref(opts))
    with owned(fd, "load program") as program:
        yield program


def _explained(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
