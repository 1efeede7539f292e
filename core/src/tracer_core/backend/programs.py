"""Loading of compiled programs through libbpf."""

from __future__ import annotations

import ctypes
import errno
import os
import re
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tracer_core.backend.instructions import CONSTANT, SIZE, with_kernel_calls, with_values
from tracer_core.backend.module_btf import module_btf
from tracer_core.backend.uapi import AttachType, ProgramType
from tracer_core.compose.composition import KERNEL_FUNCTION, NETNS, PROBE_INDEX
from tracer_core.errors import MachineError, RunError, TracerError, privileges
from tracer_core.libbpf import ProgLoadOpts, library
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.plan.plan import PlannedProbe

# program type and expected attach type, by kind and whether the program is typed
_TYPES: dict[tuple[ProbeKind, bool], tuple[ProgramType, int]] = {
    (ProbeKind.RAW_TRACEPOINT, False): (ProgramType.RAW_TRACEPOINT, 0),
    (ProbeKind.RAW_TRACEPOINT, True): (ProgramType.TRACING, AttachType.TRACE_RAW_TP),
    (ProbeKind.FENTRY, True): (ProgramType.TRACING, AttachType.TRACE_FENTRY),
    (ProbeKind.FEXIT, True): (ProgramType.TRACING, AttachType.TRACE_FEXIT),
    (ProbeKind.KPROBE, False): (ProgramType.KPROBE, 0),
    (ProbeKind.KRETPROBE, False): (ProgramType.KPROBE, 0),
    (ProbeKind.USDT, False): (ProgramType.KPROBE, 0),
    (ProbeKind.UPROBE, False): (ProgramType.KPROBE, 0),
}
_LICENCE = b"Dual BSD/GPL"
_DOCTOR = "see: tracer doctor"
_LOCKDOWN = "it is probably in lockdown; boot with lockdown=integrity or without; see: tracer doctor"
# bpf_tracing_func_proto gives no such helper under LOCKDOWN_BPF_READ_KERNEL; what the verifier says changed with 6.11
_NO_READS = re.compile(r"(?:unknown func|cannot use helper) bpf_probe_read_kernel")
_LOG_SIZE = 1 << 20


class LoadError(RunError):
    """The kernel refused a program.

    Args:
        message: What was refused.
        log: The verifier's log.
    """

    def __init__(self, message: str, *, log: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.log = log


def with_probe_index(code: bytes, index: int) -> bytes:
    """Put a probe's index in place of the constant that stands for it.

    Args:
        code: Instructions of 8 bytes.
        index: Of the probe in the plan.
    """
    return with_values(code, CONSTANT, {PROBE_INDEX: index})


def with_namespaces(code: bytes, inodes: Sequence[int]) -> bytes:
    """Put the inode numbers of network namespaces in place of the constants that stand for them.

    Args:
        code: Instructions of 8 bytes.
        inodes: As in the plan that the code was composed for.
    """
    return with_values(code, CONSTANT, {NETNS + n: inode for n, inode in enumerate(inodes)})


def load(probe: PlannedProbe, kind: ProbeKind, code: bytes, *, typed: bool, multi: bool) -> int:
    """Load a program.

    Args:
        probe: What it will be attached to, or the first of several.
        kind: Where: for a probe at a return, there is one for the entry, too.
        code: Instructions.
        typed: Load it with the types of the arguments.
        multi: It will be attached to all its kprobes at once.

    Returns:
        Its descriptor.

    Raises:
        LoadError: the kernel refused it.
        MachineError: we may not load programs.
    """
    code = with_kernel_calls(code, KERNEL_FUNCTION)
    options = ProgLoadOpts(sz=ctypes.sizeof(ProgLoadOpts))
    program_type, options.expected_attach_type = _TYPES[kind, typed]
    if multi and kind.breaks:
        options.expected_attach_type = AttachType.TRACE_KPROBE_MULTI
    with ExitStack() as resources:
        if typed:
            options.attach_btf_id = probe.prototype.btf_id
            if probe.prototype.module:
                options.attach_btf_obj_fd = resources.enter_context(_types_of(probe))
        fd = _try_load(program_type, code, options)
        if fd >= 0:
            return fd
        if fd == -errno.EPERM:  # EACCES is the verifier's
            raise MachineError(f"probe {probe.probe}: cannot load a program: {os.strerror(-fd)}", hint=privileges())
        # only now the log, which costs the kernel time and memory
        log = ctypes.create_string_buffer(_LOG_SIZE)
        options.log_level, options.log_size, options.log_buf = 1, _LOG_SIZE, ctypes.addressof(log)
        fd = _try_load(program_type, code, options)
    if fd >= 0:
        return fd
    raise refused(probe, os.strerror(-fd), log.value.decode(errors="replace"))


def refused(probe: PlannedProbe, reason: str, log: str) -> TracerError:
    """What a verifier's refusal means.

    Args:
        probe: What the program was for.
        reason: Text of the error number.
        log: The verifier's.
    """
    if _NO_READS.search(log):
        return MachineError(f"probe {probe.probe}: this kernel does not let programs read its memory", hint=_LOCKDOWN)
    return LoadError(f"probe {probe.probe}: the kernel refused the program: {reason}", log=log, hint=_DOCTOR)


@contextmanager
def _types_of(probe: PlannedProbe) -> Iterator[int]:
    try:
        with module_btf(probe.prototype.module) as fd:
            yield fd
    except OSError as error:
        hint = "is the module still loaded?" if error.errno == errno.ENOENT else privileges()
        raise MachineError(f"probe {probe.probe}: {error.strerror}", hint=hint) from error


def _try_load(program_type: int, code: bytes, options: ProgLoadOpts) -> int:
    count = len(code) // SIZE
    fd: int = library().bpf_prog_load(program_type, b"tracer", _LICENCE, code, count, ctypes.byref(options))
    return fd
