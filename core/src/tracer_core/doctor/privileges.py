"""Checks of what we may do: capabilities, user namespace, lockdown, limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.doctor.check import Check, Finding, denied, ok
from tracer_core.errors import MachineError
from tracer_core.kernel.btf_types import Kind

if TYPE_CHECKING:
    from tracer_core.doctor.system import System

# include/uapi/linux/capability.h; CAP_PERFMON and CAP_BPF came with 5.8, split off CAP_SYS_ADMIN
_CAPABILITIES = {
    "NET_ADMIN": 12,
    "SYS_ADMIN": 21,
    "SYS_RESOURCE": 24,
    "SYSLOG": 34,
    "PERFMON": 38,
    "BPF": 39,
}
_INITIAL_USER_NAMESPACE = "user:[4026531837]"  # PROC_USER_INIT_INO of include/linux/proc_ns.h


def has_capability(system: System, name: str) -> bool:
    """Whether the effective set holds a capability, by its name without ``CAP_``.

    Raises:
        OSError: ``/proc`` is not mounted.
    """
    for line in system.text("/proc/self/status").splitlines():
        key, _, value = line.partition(":")
        if key == "CapEff":
            return bool(int(value, 16) >> _CAPABILITIES[name] & 1)
    return False


def may_trace(system: System) -> bool:
    """Whether the capabilities suffice to load and attach programs."""
    wide = has_capability(system, "SYS_ADMIN")
    return wide or (has_capability(system, "BPF") and has_capability(system, "PERFMON"))


def _capability(name: str, purpose: str, *, required: bool = False, wide: bool = True) -> Check:
    """A check for a capability; a *wide* one is implied by ``CAP_SYS_ADMIN``."""

    def run(system: System) -> Finding:
        if has_capability(system, name):
            return ok(f"effective: {purpose}")
        if wide and has_capability(system, "SYS_ADMIN"):
            return ok(f"implied by CAP_SYS_ADMIN: {purpose}")
        return denied(f"not effective: {purpose}", f"run as root, or grant CAP_{name}")

    return Check(f"CAP_{name}", run, required=required)


def user_namespace(system: System) -> Finding:
    """BPF asks for capabilities in the initial user namespace; those of others do not count."""
    namespace = system.link("/proc/self/ns/user")
    if namespace == _INITIAL_USER_NAMESPACE:
        return ok("the initial one: capabilities count")
    return denied(
        f"{namespace} is not the initial one: its root may not load BPF programs",
        "run on the host, or in a container that does not remap users",
    )


def lockdown(system: System) -> Finding:
    """The lockdown LSM (5.4): *confidentiality* takes ``bpf_probe_read_kernel`` away."""
    try:
        text = system.text("/sys/kernel/security/lockdown")
    except FileNotFoundError:
        return ok("not in this kernel, or securityfs is not mounted")
    mode = text.partition("[")[2].partition("]")[0] or text.strip()
    if mode == "confidentiality":
        return denied(
            "confidentiality: BPF programs may not read kernel memory",
            "boot with lockdown=integrity or without lockdown",
        )
    return ok(f"{mode}: BPF programs may read kernel memory")


def memlock(system: System) -> Finding:
    """The limit of locked memory, which BPF maps counted against before 5.11."""
    limit = _memlock(system.text("/proc/self/limits"))
    if limit is None:
        return ok("unlimited")
    detail = f"{limit // 1024} KiB"
    try:
        # dropped with the accounting: "bpf: Eliminate rlimit-based memory accounting infra", 5.11
        counted = system.btf().find("bpf_map_memory", Kind.STRUCT) is not None
    except MachineError:
        return ok(detail)
    if not counted:
        return ok(f"{detail}: BPF memory does not count on this kernel")
    if has_capability(system, "SYS_RESOURCE"):
        return ok(f"{detail}: raised when loading")  # libbpf does, and BCC
    return denied(f"{detail}: limits the size of the ring buffer", "ulimit -l unlimited")


def _memlock(limits: str) -> int | None:
    """Soft limit in bytes out of ``/proc/self/limits``, nothing if unlimited or not listed."""
    for line in limits.splitlines():
        if line.startswith("Max locked memory"):
            soft = line.removeprefix("Max locked memory").split()[0]
            return None if soft == "unlimited" else int(soft)
    return None


CHECKS = (
    _capability("BPF", "loading programs", required=True),
    _capability("PERFMON", "reading kernel memory in programs, attaching them", required=True),
    _capability("SYS_ADMIN", "entering network namespaces, kernels before 5.8", wide=False),
    _capability("SYSLOG", "addresses of kernel symbols", wide=False),
    _capability("NET_ADMIN", "asking netlink for rules and devices", wide=False),
    Check("user namespace", user_namespace, required=True),
    Check("lockdown", lockdown, required=True),
    Check("memlock", memlock),
)
