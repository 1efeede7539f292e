"""What the collector has to know of a kernel: whether it has the datapath, and where things are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.api import Unavailable

if TYPE_CHECKING:
    from tracer_core.api import Kernel

MODULE = "openvswitch"
LOOKUP = "ovs_flow_tbl_lookup_stats"

_TRACEPOINTS = ("ovs_dp_upcall", "ovs_do_execute_action")  # 5.14
_COUNTERS = {"OVS_MASK_HIT": "n_mask_hit", "OVS_CACHE_HIT": "n_cache_hit"}
_NAT_RANGE = ("range.flags", "range.min_addr", "range.max_addr", "range.min_proto", "range.max_proto")


def unavailable(kernel: Kernel) -> Unavailable | None:
    """Why packets cannot be seen in the datapath, if so."""
    if kernel.config("CONFIG_OPENVSWITCH") not in ("y", None) and MODULE not in kernel.modules:
        return Unavailable(f"Kernel module '{MODULE}' is not loaded", f"modprobe {MODULE}")
    missing = [name for name in _TRACEPOINTS if kernel.tracepoint(name) is None]
    if missing:
        reason = f"this kernel has no tracepoint {' or '.join(missing)} whose types it tells"
        return Unavailable(reason, "run Linux 5.14 or later, with CONFIG_DEBUG_INFO_BTF_MODULES=y")
    if kernel.function(LOOKUP) is None or not all(at for at in _counters(kernel).values()):
        return Unavailable(f"this kernel's {LOOKUP} is not as we know it", "leave ovs out of -c")
    return None


def defines(kernel: Kernel) -> dict[str, int]:
    """What the C is told of it: see ``datapath.bpf.c``."""
    return {
        **_counters(kernel),
        "OVS_OUTPUT": _action(kernel, "OUTPUT"),
        "OVS_RECIRC": _action(kernel, "RECIRC"),
        "OVS_CT": _action(kernel, "CT"),
        "OVS_DROP": _action(kernel, "DROP"),
        "OVS_HAS_CT": int(kernel.member("ovs_conntrack_info", "zone.id") is not None),
        "OVS_HAS_NAT": int(all(kernel.member("ovs_conntrack_info", path) is not None for path in _NAT_RANGE)),
    }


def border(kernel: Kernel) -> dict[str, int]:
    """Ditto: see ``track.bpf.c``."""
    return {"OVS_VLAN_PRESENT": int(kernel.member("sk_buff", "vlan_present") is not None)}


def _action(kernel: Kernel, name: str) -> int:
    """Its number; one that no action has if the kernel does not know it."""
    return (kernel.enum("ovs_action_attr") or {}).get(f"OVS_ACTION_ATTR_{name}", 0xFFFF)


def _counters(kernel: Kernel) -> dict[str, int]:
    """At which argument of the lookup the address of a counter is, from 0; 0 if it is none."""
    prototype = kernel.function(LOOKUP)
    names = [param.name for param in prototype.params] if prototype else []
    return {define: names.index(name) if name in names else 0 for define, name in _COUNTERS.items()}
