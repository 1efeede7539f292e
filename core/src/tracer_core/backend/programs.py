"""Loading and attaching of compiled programs through libbpf."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from tracer_core.backend import perf_probe
from tracer_core.backend.instructions import CONSTANT, SIZE, set_value, wide_loads
from tracer_core.compose.composition import PROBE_INDEX
from tracer_core.errors import PRIVILEGES, MachineError, RunError
from tracer_core.libbpf import ProgLoadOpts, library
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.plan.plan import PlannedProbe

# (program type, expected attach type) by kind, and whether it is typed: enum bpf_prog_type and bpf_attach_type
_TYPES = {
    (ProbeKind.RAW_TRACEPOINT, False): (17, 0),
    (ProbeKind.RAW_TRACEPOINT, True): (26, 23),
    (ProbeKind.FENTRY, True): (26, 24),
    (ProbeKind.KPROBE, False): (2, 0),
}
_LICENCE = b"Dual BSD/GPL"
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
    patched = bytearray(code)
    for load in wide_loads(code):
        if load.source == CONSTANT and load.value == PROBE_INDEX:
            set_value(patched, load, index)
    return bytes(patched)


def load(probe: PlannedProbe, code: bytes, *, typed: bool) -> int:
    """Load a program for one probe.

    Args:
        probe: What it will be attached to.
        code: Instructions.
        typed: Load it with the types of the arguments.

    Returns:
        Its descriptor.

    Raises:
        LoadError: the kernel refused it.
    """
    options = ProgLoadOpts(sz=ctypes.sizeof(ProgLoadOpts))
    kind, options.expected_attach_type = _TYPES[probe.probe.kind, typed]
    if typed:
        options.attach_btf_id = probe.prototype.btf_id
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


@contextmanager
def attached(probe: PlannedProbe, program: int, *, typed: bool) -> Iterator[None]:
    """Have a loaded program attached.

    Raises:
        MachineError: we may not, or the kernel has no such probes.
        RunError: the kernel refused.
    """
    with ExitStack() as resources:
        try:
            if probe.probe.kind is ProbeKind.KPROBE:
                event = resources.enter_context(perf_probe.kprobe(probe.probe.target))
                perf_probe.set_program(event, program)
            else:
                resources.callback(os.close, _open_raw(probe, program, typed=typed))
        except OSError as error:
            raise _cannot_attach(probe, error) from error
        yield


def _open_raw(probe: PlannedProbe, program: int, *, typed: bool) -> int:
    # for typed programs, whatever they are attached to, the name is in the program
    name = None if typed else probe.probe.target.partition(":")[2].encode()
    fd: int = library().bpf_raw_tracepoint_open(name, program)
    if fd < 0:
        raise OSError(-fd, os.strerror(-fd))
    return fd


def _cannot_attach(probe: PlannedProbe, error: OSError) -> RunError | MachineError:
    message = f"probe {probe.probe}: cannot attach: {error.strerror}"
    if error.errno in (errno.EPERM, errno.EACCES):
        return MachineError(message, hint=PRIVILEGES)
    if probe.probe.kind is ProbeKind.KPROBE and error.errno == errno.ENOENT:
        return MachineError(message, hint="use a tracepoint or fentry; see: tracer doctor")
    return RunError(message, hint="see: tracer doctor")


def _try_load(kind: int, code: bytes, options: ProgLoadOpts) -> int:
    count = len(code) // SIZE
    fd: int = library().bpf_prog_load(kind, b"tracer", _LICENCE, code, count, ctypes.byref(options))
    return fd
