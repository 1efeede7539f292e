"""Waiting for programs that run on other CPUs."""

from __future__ import annotations

import ctypes
import os

_SYS_MEMBARRIER = {"x86_64": 324, "aarch64": 283, "riscv64": 283}
_GLOBAL = 1  # MEMBARRIER_CMD_GLOBAL


def wait_for_running_programs() -> None:
    """Return when every BPF program that ran at the call has ended, unless the kernel has no such call.

    Programs are RCU readers, and membarrier(2) is ``synchronize_rcu`` (4.3, kernel/sched/membarrier.c). With a single
    CPU it does nothing, since whoever calls is not in the middle of a program; but preemptible kernels may be.
    """
    number = _SYS_MEMBARRIER.get(os.uname().machine)
    if number is not None:
        ctypes.CDLL(None).syscall(ctypes.c_long(number), _GLOBAL, 0, 0)
