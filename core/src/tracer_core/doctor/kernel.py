"""Checks of what the kernel tells about itself: types, symbols, tracepoints, configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.doctor.check import Check, Finding, denied, missing, ok
from tracer_core.errors import MachineError
from tracer_core.kernel.config import parse_config
from tracer_core.kernel.symbols import Symbols

if TYPE_CHECKING:
    from tracer_core.doctor.system import System

_TRACEFS = ("/sys/kernel/tracing", "/sys/kernel/debug/tracing")
_EVENTS = "available_events"


def release(system: System) -> Finding:
    """Which kernel runs; for the reader, nothing depends on it."""
    return ok(system.kernel.release)


def btf(system: System) -> Finding:
    """Type information, from which programs and probes are made."""
    try:
        system.btf()
    except MachineError as error:
        return missing(error.message, error.hint or "run a kernel with CONFIG_DEBUG_INFO_BTF=y")
    count = len(system.kernel.split_modules())
    return ok(f"of vmlinux and {count} module{'s' * (count != 1)}")


def kallsyms(system: System) -> Finding:
    """Addresses of symbols, by which stacks and functions get their names."""
    try:
        symbols = Symbols(system.kernel.kallsyms())
    except MachineError as error:
        return missing(error.message, error.hint)
    if symbols.hidden:
        # kallsyms_show_value() of kernel/ksyms_common.c: 2 hides from everybody
        return denied(
            "readable, addresses are hidden",
            "run as root or grant CAP_SYSLOG; sysctl kernel.kptr_restrict=1 if it is 2",
        )
    return ok("readable, addresses are shown")


def tracefs(system: System) -> Finding:
    """Tracepoint groups and the functions that can be probed."""
    for place in _TRACEFS:
        try:
            count = len(system.text(f"{place}/{_EVENTS}").splitlines())
        except FileNotFoundError:
            continue
        except PermissionError:
            return denied(f"{place} is not readable: lists tracepoints and functions", "run as root")
        return ok(f"{place}: {count} events")
    if _is_mounted(system):  # lockdown: tracefs_create_file of fs/tracefs/inode.c
        return denied("mounted, but kept empty by the kernel: see lockdown", "boot without lockdown")
    return missing(
        "not mounted: lists tracepoints and functions",
        "mount -t tracefs tracefs /sys/kernel/tracing",
    )


def _is_mounted(system: System) -> bool:
    try:
        return " tracefs " in system.text("/proc/mounts")
    except OSError:
        return False


def config(system: System) -> Finding:
    """The kernel's configuration, which explains what is missing."""
    found = system.kernel.config()
    if found is None:
        return missing(
            f"neither /proc/config.gz nor /boot/config-{system.kernel.release}",
            "modprobe configs, or install the file that belongs to the kernel",
        )
    name, content = found
    try:
        count = len(parse_config(content))
    except ValueError as error:
        return missing(f"{name}: {error}", "install the file that belongs to the kernel")
    return ok(f"{name}: {count} options")


CHECKS = (
    Check("kernel", release),
    Check("BTF", btf, required=True),
    Check("kallsyms", kallsyms),
    Check("tracefs", tracefs),
    Check("kernel config", config),
)
