"""The errors a user may see, and the exit codes they end a run with.

A message says what failed, whose it is and why; the hint says what to do. Both are one line on stderr.
"""

from __future__ import annotations

import os
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_INITIAL_USER_NAMESPACE = "user:[4026531837]"  # PROC_USER_INIT_INO of include/linux/proc_ns.h


def privileges() -> str:
    """What to do when the kernel says "Operation not permitted"."""
    try:
        is_root_of_others = os.readlink("/proc/self/ns/user") != _INITIAL_USER_NAMESPACE  # noqa: PTH115 - no file
    except OSError:
        is_root_of_others = False
    if is_root_of_others:
        return "root of this user namespace is not enough: run on the host, or in a container that does not remap users"
    return "run as root, or with CAP_BPF and CAP_PERFMON; see: tracer doctor"


def near(name: str, names: Iterable[str]) -> str:
    """A hint with the names that look most like one that there is not, or nothing."""
    from difflib import get_close_matches  # noqa: PLC0415 - only when something is wrong

    found = get_close_matches(name, sorted(set(names)))
    return did_you_mean(found)


def did_you_mean(names: Sequence[str]) -> str:
    """A hint with what may be meant, the likeliest first, or nothing if there is none."""
    return f"did you mean {' or '.join(names)}?" if names else ""


class ExitCode(IntEnum):
    """How a command ends. Documented in ``docs/reference/exit-codes.md``."""

    OK = 0
    RUNTIME = 1
    USAGE = 2
    PLUGIN = 3
    ENVIRONMENT = 4


class TracerError(RuntimeError):
    """Base of all expected trouble. Scripts that were written for Retis catch RuntimeError.

    Args:
        message: What failed, whose it is, why. No trailing full stop.
        hint: What the user can do about it, or nothing.
    """

    exit_code = ExitCode.RUNTIME

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}; {self.hint}" if self.hint else self.message


class RunError(TracerError):
    """The run itself failed: attaching, draining, writing."""


class UsageError(TracerError):
    """The command line asks for something that does not exist or cannot be."""

    exit_code = ExitCode.USAGE


class PluginError(TracerError):
    """A collector is missing, broken, incompatible or misbehaves."""

    exit_code = ExitCode.PLUGIN


class MachineError(TracerError):
    """The machine lacks something: privileges, BCC, BTF."""

    exit_code = ExitCode.ENVIRONMENT
