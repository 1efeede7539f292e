"""Checks of what the kernel can do for us, by trying it (:mod:`tracer_core.backend.features`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.backend.features import Feature, Status
from tracer_core.doctor.check import Check, Finding
from tracer_core.doctor.privileges import has_capability, may_trace

if TYPE_CHECKING:
    from tracer_core.doctor.system import System

REQUIRED = frozenset({"ring buffer", "raw tracepoint"})
"""Features that ``tracer collect`` on raw tracepoints cannot do without."""

_NEEDS = {
    "ring buffer": "Linux 5.8",
    "raw tracepoint": "Linux 4.17 with CONFIG_BPF_EVENTS=y",
    "typed tracepoint": "Linux 5.5 with CONFIG_DEBUG_INFO_BTF=y",
    "kprobe": "CONFIG_KPROBE_EVENTS=y",
    "kretprobe": "CONFIG_KPROBE_EVENTS=y and CONFIG_KRETPROBES=y",
    "kprobe-multi": "Linux 5.18 with CONFIG_FPROBE=y",
    "attach cookie": "Linux 5.15",
    "fentry": "Linux 5.5 with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y",
    "fexit": "Linux 5.5 with CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y",
    "uprobe": "CONFIG_UPROBE_EVENTS=y",
    "USDT": "CONFIG_UPROBE_EVENTS=y",
}


def checks(system: System) -> tuple[Check, ...]:
    """One check for each feature that the system knows to try."""
    return tuple(_check(feature) for feature in system.features)


def _check(feature: Feature) -> Check:
    def run(system: System) -> Finding:
        result = feature.check()
        if result.ok:
            return Finding(Status.OK, f"{feature.gives}: {result.detail}")
        if result.status is Status.MISSING:
            needs = _NEEDS.get(feature.name, "another kernel")
            fix = f"needs {needs}"
        elif has_capability(system, "SYS_ADMIN"):
            fix = "not a matter of capabilities: a security policy of this machine refuses it"
        elif may_trace(system):
            # uprobes: perf_uprobe_event_init of kernel/events/core.c, since 6.16
            fix = "run as root, or grant CAP_SYS_ADMIN, which some kernels demand for it"
        else:
            fix = "run as root, or grant CAP_BPF and CAP_PERFMON"
        return Finding(result.status, f"{feature.gives}: {result.detail}", fix)

    return Check(feature.name, run, required=feature.name in REQUIRED)
