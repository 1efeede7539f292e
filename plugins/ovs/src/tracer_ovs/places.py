"""Where the collector looks, and what runs there: a fragment for each step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.api import BpfSource, Fragment, Gate, Getter, Probe
from tracer_ovs import kernel as facts
from tracer_ovs.sections import Ovs, OvsPort, OvsUpcall

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.api import Kernel

DAEMON = "ovs-vswitchd"
"""The process, by name."""

_SKB, _INFO, _ATTRIBUTE = "struct sk_buff *", "struct dp_upcall_info *", "struct nlattr *"
_KEY, _DATAPATH = "struct sw_flow_key *", "struct datapath *"
_EMITS = (Ovs, OvsPort, OvsUpcall)

# what happens to packets: others report there, too
_UPCALL = Probe.tracepoint("openvswitch:ovs_dp_upcall")
_ACTION = Probe.tracepoint("openvswitch:ovs_do_execute_action")
_RETURN = Probe.function("ovs_dp_upcall", returns=True)
_LOOKUP = Probe.function(facts.LOOKUP, returns=True)
_ENQUEUE = Probe.function("queue_userspace_packet", returns=True)
# where things are noted for those
_PROCESS = Probe.function("ovs_dp_process_packet", generic=False)
_COPY = Probe.function("skb_zerocopy", generic=False)
_EXECUTE = Probe.function("ovs_execute_actions", generic=False)
_EXECUTED = Probe.function("ovs_execute_actions", generic=False, returns=True)

_STEPS = (
    ("lookup", (_SKB,), _LOOKUP),
    ("upcall", (_SKB, _INFO, _KEY, _DATAPATH), _UPCALL),
    ("return", (_SKB,), _RETURN),
    ("action", (_SKB, _ATTRIBUTE, _KEY, _DATAPATH), _ACTION),
)


def _in_process(process: str | int) -> dict[str, Probe]:
    """Fragments there, each with its place."""
    return {
        "ovs_collect_receive": Probe.usdt(process, "dpif_recv:recv_upcall"),
        "ovs_collect_put": Probe.usdt(process, "dpif_netlink_operate__:op_flow_put"),
        "ovs_collect_execute": Probe.usdt(process, "dpif_netlink_operate__:op_flow_execute"),
    }


def probes(process: str | int | None) -> Iterator[Probe]:
    """The places: in the datapath; and if packets are followed through a process, at the border and in that."""
    yield from (_UPCALL, _RETURN, _PROCESS, _LOOKUP, _ACTION)
    if process is not None:
        yield from (_COPY, _ENQUEUE, *_in_process(process).values(), _EXECUTE, _EXECUTED)


def fragments(kernel: Kernel, process: str | int | None) -> Iterable[Fragment | Getter]:
    """What runs there; the arguments are as above."""
    track = int(process is not None)
    hashes = BpfSource.resource("tracer_ovs", "bpf/hash.bpf.h")
    upcalls = BpfSource.resource("tracer_ovs", "bpf/upcalls.bpf.h", hashes, OVS_TRACK=track)
    datapath = BpfSource.resource("tracer_ovs", "bpf/datapath.bpf.c", upcalls, OVS_TRACK=track, **facts.defines(kernel))
    yield Getter("ovs_noted_packet", datapath, gives=_SKB, probes=(_LOOKUP,), trusted=False)
    yield Fragment("ovs_note_packet", datapath, needs=(_SKB,), probes=(_PROCESS,))
    for function, needs, probe in _STEPS:
        yield Fragment(f"ovs_collect_{function}", datapath, needs=needs, emits=_EMITS, probes=(probe,))
    if process is not None:
        yield from _tracking(kernel, process, upcalls)


def _tracking(kernel: Kernel, process: str | int, upcalls: BpfSource) -> Iterator[Fragment]:
    border = BpfSource.resource("tracer_ovs", "bpf/track.bpf.c", upcalls, **facts.border(kernel))
    vswitchd = BpfSource.resource("tracer_ovs", "bpf/vswitchd.bpf.c", upcalls)
    yield Fragment("ovs_note_copy", border, probes=(_COPY,))
    yield Fragment("ovs_collect_enqueue", border, needs=(_SKB,), emits=_EMITS, probes=(_ENQUEUE,), gate=Gate.ALWAYS)
    yield Fragment("ovs_note_execution", border, probes=(_EXECUTE,))
    yield Fragment("ovs_forget_execution", border, probes=(_EXECUTED,))
    for function, probe in _in_process(process).items():
        yield Fragment(function, vswitchd, emits=_EMITS, probes=(probe,))
