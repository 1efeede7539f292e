"""What the running kernel offers, found by trying: load an empty program, attach it, take it away.

A release number or a configuration option would be a guess: distributions backport, and security
policy may refuse what the kernel can do. Nothing here outlives its check.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.backend import trials
from tracer_core.backend.uapi import AttachType
from tracer_core.errors import MachineError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracer_core.kernel.btf import Btf
    from tracer_core.types import ProbeKind

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
    uprobe = Feature("uprobe", "probes on functions of processes", trials.uprobe)
    return (
        Feature("ring buffer", "how events leave the kernel", trials.ring_buffer),
        Feature("raw tracepoint", "probes on tracepoints", trials.raw_tracepoint),
        Feature(
            "typed tracepoint",
            "probes on tracepoints at less than half the cost",
            lambda: trials.typed_tracepoint(btf()),
        ),
        Feature("kprobe", "probes on kernel functions", lambda: trials.kprobe(returns=False)),
        Feature("kretprobe", "probes on returns of functions", lambda: trials.kprobe(returns=True)),
        Feature("kprobe-multi", "many functions attached at once", trials.kprobe_multi),
        Feature("attach cookie", "one program for many probes", trials.attach_cookie),
        Feature("fentry", "cheap probes on functions", lambda: trials.trampoline(btf(), AttachType.TRACE_FENTRY)),
        Feature("fexit", "cheap probes on returns", lambda: trials.trampoline(btf(), AttachType.TRACE_FEXIT)),
        uprobe,
        # USDT is a uprobe at an address that a note of the ELF file gives
        Feature("USDT", "probes that Open vSwitch has built in", lambda: _same_as(uprobe)),
    )


def typed_tracepoints(btf: Btf) -> bool:
    """Whether typed raw tracepoints (``tp_btf``, 5.5) can be loaded; for the start of a run.

    Args:
        btf: BTF of vmlinux, as the kernel view has it.
    """
    return _tried(lambda: trials.load_typed(btf)).ok


def attach_cookies() -> bool:
    """Whether a program can be told by which of its probes it runs; for the start of a run."""
    return _tried(trials.load_cookie).ok


def kprobe_multi() -> bool:
    """Whether many kprobes can be attached at once, with a cookie each (5.18)."""
    return _tried(trials.kprobe_multi).ok


def casts(btf: Btf) -> bool:
    """Whether programs can call ``bpf_rdonly_cast`` (6.2); for the start of a run.

    Args:
        btf: BTF of vmlinux, as the kernel view has it.
    """
    return _tried(lambda: trials.load_cast(btf)).ok


def working(kinds: Iterable[ProbeKind], btf: Callable[[], Btf]) -> tuple[ProbeKind, ...]:
    """Those of some ways to probe functions that work here, in the same order, found by trying.

    Args:
        kinds: Each the name of a feature.
        btf: Gives the BTF of vmlinux.
    """
    found = {feature.name: feature for feature in features(btf)}
    return tuple(kind for kind in kinds if found[kind.value].check().ok)


def _same_as(other: Feature) -> str:
    result = other.check()
    if not result.ok:
        code = errno.EPERM if result.status is Status.DENIED else errno.ENOENT
        raise OSError(code, f"needs {other.name}")
    return f"by {other.name}"


def _explained(error: OSError) -> str:
    return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror)
