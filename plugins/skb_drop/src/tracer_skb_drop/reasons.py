"""Names of drop reasons, by the types of the kernel that is traced: ``include/net/dropreason.h``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.api import Kernel

CORE = "skb_drop_reason"
"""The enum of the network stack's own reasons (5.17)."""

ENUMS = (CORE, "mac80211_drop_reason", "ovs_drop_reason", "qdisc_drop_reason")
"""Enums that functions and tracepoints are given reasons as."""

UNSPECIFIED = "NOT_SPECIFIED"
"""What kernels without reasons are taken to mean."""

_SUBSYSTEMS = "skb_drop_reason_subsys"  # 6.3
_SUBSYSTEM_PREFIX = "SKB_DROP_REASON_SUBSYS_"
_SHIFT = 16  # SKB_DROP_REASON_SUBSYS_SHIFT
_OF_OTHERS = {
    "mac80211_unusable": "mac80211_drop_reason",
    "mac80211_monitor": "mac80211_drop_reason",
    "openvswitch": "ovs_drop_reason",
}
"""Where the enum of a subsystem is not called after it."""


def subsystem_names(kernel: Kernel) -> Callable[[int], str | None]:
    """Names of subsystems by number: none for the core; a number that this kernel does not know is its own name."""
    names = _subsystems(kernel)

    def name(number: int) -> str | None:
        return None if number == 0 else names.get(number, str(number))

    return name


def reason_names(kernel: Kernel) -> Callable[[int], str]:
    """Names of reasons by number, the subsystem in its upper half; a number that is unknown is its own name."""
    if kernel.enum(CORE) is None:
        return lambda _: UNSPECIFIED
    names = {value: _short(name) for name, value in (kernel.enum(CORE) or {}).items()}
    for number, subsystem in _subsystems(kernel).items():
        enum = kernel.enum(_OF_OTHERS.get(subsystem, f"{subsystem}_drop_reason")) or {}
        names |= {value: name for name, value in enum.items() if number and value >> _SHIFT == number}
    return lambda number: names.get(number, str(number))


def _subsystems(kernel: Kernel) -> dict[int, str]:
    found = kernel.enum(_SUBSYSTEMS) or {}
    names = {value: name.removeprefix(_SUBSYSTEM_PREFIX) for name, value in found.items()}
    return {value: name.lower() for value, name in names.items() if name != "NUM"}


def _short(name: str) -> str:
    return name.removeprefix("SKB_").removeprefix("DROP_REASON_")
