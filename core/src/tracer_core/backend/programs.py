"""Loading and attaching of compiled programs through libbpf."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import TYPE_CHECKING

from tracer_core.compose.composition import PROBE_INDEX
from tracer_core.errors import PRIVILEGES, MachineError, RunError
from tracer_core.libbpf import ProgLoadOpts, library

if TYPE_CHECKING:
    from tracer_core.plan.plan import PlannedProbe

_RAW_TRACEPOINT = 17  # BPF_PROG_TYPE_RAW_TRACEPOINT
_TRACING = 26  # BPF_PROG_TYPE_TRACING
_TRACE_RAW_TP = 23  # BPF_TRACE_RAW_TP
_LICENCE = b"Dual BSD/GPL"
_LOG_SIZE = 1 << 20
_INSTRUCTION = struct.Struct("<BBhi")
_LOAD_IMMEDIATE_64 = 0x18  # BPF_LD | BPF_DW | BPF_IMM, with source register 0: a constant over two instructions


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
    marker = struct.pack("<Q", PROBE_INDEX)
    patched = bytearray(code)
    for at in range(0, len(code) - _INSTRUCTION.size, _INSTRUCTION.size):
        if code[at] == _LOAD_IMMEDIATE_64 and code[at + 1] >> 4 == 0 and _immediate(code, at) == marker:
            patched[at + 4 : at + 8] = struct.pack("<I", index)
            patched[at + 12 : at + 16] = bytes(4)
    return bytes(patched)


def _immediate(code: bytes, at: int) -> bytes:
    return code[at + 4 : at + 8] + code[at + 12 : at + 16]


def load(probe: PlannedProbe, code: bytes, *, typed: bool) -> int:
    """Load a program for one probe.

    Args:
        probe: What it will be attached to.
        code: Instructions.
        typed: Load it with the types of the tracepoint's arguments.

    Returns:
        Its descriptor.

    Raises:
        LoadError: the kernel refused it.
    """
    options = ProgLoadOpts(sz=ctypes.sizeof(ProgLoadOpts))
    if typed:
        options.expected_attach_type = _TRACE_RAW_TP
        options.attach_btf_id = probe.prototype.btf_id
    kind = _TRACING if typed else _RAW_TRACEPOINT
    fd = _try_load(kind, code, options)
    if fd >= 0:
        return fd
    if fd == -errno.EPERM:  # EACCES is the verifier's
        raise MachineError(f"probe {probe.probe}: cannot load a program: {os.strerror(-fd)}", hint=PRIVILEGES)
    # only now the log, which costs the kernel time and memory
    log = ctypes.create_string_buffer(_LOG_SIZE)
    options.log_level, options.log_size, options.log_buf = 1, _LOG_SIZE, ctypes.addressof(log)
    fd = _try_load(kind, code, options)
    if fd >= 0:
        return fd
    raise LoadError(
        f"probe {probe.probe}: the kernel refused the program: {os.strerror(-fd)}",
        log=log.value.decode(errors="replace"),
        hint="see: tracer doctor",
    )


def attach(probe: PlannedProbe, program: int, *, typed: bool) -> int:
    """Attach a loaded program.

    Returns:
        A descriptor; closing it detaches.

    Raises:
        RunError: the kernel refused.
    """
    name = None if typed else probe.probe.target.partition(":")[2].encode()
    fd: int = library().bpf_raw_tracepoint_open(name, program)
    if fd == -errno.EPERM:
        raise MachineError(f"probe {probe.probe}: cannot attach: {os.strerror(-fd)}", hint=PRIVILEGES)
    if fd < 0:
        raise RunError(f"probe {probe.probe}: cannot attach: {os.strerror(-fd)}", hint="see: tracer doctor")
    return fd


def _try_load(kind: int, code: bytes, options: ProgLoadOpts) -> int:
    count = len(code) // _INSTRUCTION.size
    fd: int = library().bpf_prog_load(kind, b"tracer", _LICENCE, code, count, ctypes.byref(options))
    return fd
