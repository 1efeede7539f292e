"""Collector ``ovs``: packets through the datapath of Open vSwitch, and through its process and back."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.api import (
    BpfSource,
    CollectorSpec,
    Decoder,
    Formatter,
    Fragment,
    Gate,
    Getter,
    Join,
    JoinRole,
    Kernel,
    Probe,
    Session,
    Unavailable,
    hookimpl,
    option,
)
from tracer_ovs import kernel as facts
from tracer_ovs.enrich.sections import OvsDetrace, lookup_for
from tracer_ovs.enrich.text import detrace_text
from tracer_ovs.sections import Ovs, OvsPort, OvsUpcall
from tracer_ovs.text import ovs_text, port_text, upcall_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

_SKB, _INFO, _ATTRIBUTE = "struct sk_buff *", "struct dp_upcall_info *", "struct nlattr *"
_KEY, _DATAPATH = "struct sw_flow_key *", "struct datapath *"

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
# in the process
_DAEMON = "ovs-vswitchd"
_RECEIVE = Probe.usdt(_DAEMON, "dpif_recv:recv_upcall")
_PUT = Probe.usdt(_DAEMON, "dpif_netlink_operate__:op_flow_put")
_OPERATE = Probe.usdt(_DAEMON, "dpif_netlink_operate__:op_flow_execute")

_SECTIONS = (Ovs, OvsPort, OvsUpcall)
_BY_UPCALL, _BY_QUEUE = ("upcall_cpu", "upcall_ts"), ("queue_id",)


@dataclass(frozen=True)
class OvsOptions:
    """How far packets are followed."""

    track: bool = option(False, help="Follow packets through ovs-vswitchd, which must have USDT probes.")
    enrich_flows: bool = option(False, help="Ask ovs-vswitchd what flows are made of: their text and OpenFlow rules.")
    enrich_rate: int = option(20, help="Flows that it is asked for in a second, at most.")


def _join(event_type: str, space: str, key: tuple[str, ...], role: JoinRole) -> Join:
    return Join(Ovs, space, key, role, when=("event_type", event_type))


# by the upcall first: files of Retis have it only in the kernel's own events, hence the number of the packet
_JOINS = (
    _join("upcall", "upcall", ("cpu", "header.timestamp"), JoinRole.OPEN),
    _join("upcall_enqueue", "upcall", _BY_UPCALL, JoinRole.JOIN),
    _join("upcall_return", "upcall", _BY_UPCALL, JoinRole.JOIN),
    Join(OvsUpcall, "upcall", ("cpu", "timestamp"), JoinRole.ADOPT),
    _join("upcall_enqueue", "queue", _BY_QUEUE, JoinRole.OPEN),
    _join("recv_upcall", "queue", _BY_QUEUE, JoinRole.JOIN),
    _join("flow_operation", "queue", _BY_QUEUE, JoinRole.JOIN),
    _join("action_execute", "queue", _BY_QUEUE, JoinRole.ADOPT),
)


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    summary = "Packets through Open vSwitch: its datapath and, with --ovs-track, its process."
    return CollectorSpec(
        "ovs",
        summary,
        options=OvsOptions,
        sections=(*_SECTIONS, OvsDetrace),
        joins=_JOINS,
        lookups=(lookup_for(Ovs),),
    )


@hookimpl
def tracer_check(kernel: Kernel) -> Unavailable | None:
    """Need the datapath and its types."""
    return facts.unavailable(kernel)


@hookimpl
def tracer_probes(options: OvsOptions) -> Iterable[Probe]:
    """Look at all that the datapath does; at the border and beyond it if packets are followed there."""
    yield from (_UPCALL, _RETURN, _PROCESS, _LOOKUP, _ACTION)
    if options.track:
        yield from (_COPY, _ENQUEUE, _RECEIVE, _PUT, _OPERATE, _EXECUTE, _EXECUTED)


@hookimpl
def tracer_fragments(kernel: Kernel, options: OvsOptions) -> Iterable[Fragment | Getter]:
    """Report at our probes, each of which is one step."""
    defines = {**facts.defines(kernel), "OVS_TRACK": int(options.track)}
    hashes = BpfSource.resource("tracer_ovs", "bpf/hash.bpf.h")
    upcalls = BpfSource.resource("tracer_ovs", "bpf/upcalls.bpf.h", after=(hashes,), OVS_TRACK=int(options.track))
    datapath = BpfSource.resource("tracer_ovs", "bpf/datapath.bpf.c", after=(upcalls,), **defines)
    emits = _SECTIONS
    yield Getter("ovs_noted_packet", datapath, gives=_SKB, needs=(), probes=(_LOOKUP,), trusted=False)
    yield Fragment("ovs_note_packet", datapath, needs=(_SKB,), probes=(_PROCESS,))
    yield Fragment("ovs_collect_lookup", datapath, needs=(_SKB,), emits=emits, probes=(_LOOKUP,))
    yield Fragment("ovs_collect_upcall", datapath, needs=(_SKB, _INFO, _KEY, _DATAPATH), emits=emits, probes=(_UPCALL,))
    yield Fragment("ovs_collect_return", datapath, needs=(_SKB,), emits=emits, probes=(_RETURN,))
    yield Fragment(
        "ovs_collect_action", datapath, needs=(_SKB, _ATTRIBUTE, _KEY, _DATAPATH), emits=emits, probes=(_ACTION,)
    )
    if not options.track:
        return
    track = BpfSource.resource("tracer_ovs", "bpf/track.bpf.c", after=(upcalls,), **facts.border(kernel))
    vswitchd = BpfSource.resource("tracer_ovs", "bpf/vswitchd.bpf.c", after=(upcalls,))
    yield Fragment("ovs_note_copy", track, needs=(), probes=(_COPY,))
    yield Fragment("ovs_collect_enqueue", track, needs=(_SKB,), emits=emits, probes=(_ENQUEUE,), gate=Gate.ALWAYS)
    yield Fragment("ovs_note_execution", track, needs=(), probes=(_EXECUTE,))
    yield Fragment("ovs_forget_execution", track, needs=(), probes=(_EXECUTED,))
    for function, probe in (("receive", _RECEIVE), ("put", _PUT), ("execute", _OPERATE)):
        yield Fragment(f"ovs_collect_{function}", vswitchd, needs=(), emits=emits, probes=(probe,))


@hookimpl
def tracer_decoders(kernel: Kernel) -> Iterable[Decoder]:
    """Give actions their names."""
    from tracer_ovs.decode import OvsDecoder  # noqa: PLC0415 - numpy takes its time, and --help needs none

    return [Decoder(Ovs, OvsDecoder(kernel).decode)]


@hookimpl
def tracer_formatters() -> list[Formatter]:
    """Show it after the packet, on one line."""
    return [
        Formatter(Ovs, ovs_text, after=("packet", "skb")),
        Formatter(OvsPort, port_text, after=("ovs",), beside="ovs"),
        Formatter(OvsUpcall, upcall_text, after=("ovs", "ovs-port"), beside="ovs"),
        Formatter(OvsDetrace, detrace_text, after=("ovs",)),
    ]


@hookimpl
def tracer_session(session: Session) -> AbstractContextManager[None]:
    """Ask the process about flows, if the user wants that."""
    options: OvsOptions = session.options
    if not options.enrich_flows:
        return nullcontext()
    from tracer_ovs.enrich.enricher import enriched  # noqa: PLC0415 - numpy takes its time, and --help needs none

    return enriched(session, Ovs, options.enrich_rate)
