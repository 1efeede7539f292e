"""What readers see of Open vSwitch.

Names in the section ``ovs`` are those of Retis' files; ``event_type`` says which fields there are. What it has no place
for, since its readers take none beside those, is in sections of its own.
"""

from __future__ import annotations

from typing import Annotated, NamedTuple

from tracer_core.api import BOOL, S32, U8, U16, U32, U64, Chars, section
from tracer_ovs import steps
from tracer_ovs.record import OvsRecord


class Nat(NamedTuple):
    """How ``ct`` translates addresses."""

    dir: str | None
    """``src`` or ``dst``; missing where a connection says how."""
    min_addr: str | None
    """First address."""
    max_addr: str | None
    """Last address."""
    min_port: U16 | None
    """First port."""
    max_port: U16 | None
    """Last port."""


@section("ovs", record=OvsRecord)
class Ovs(NamedTuple):
    """A step of a packet through Open vSwitch."""

    event_type: str
    """``upcall``, ``upcall_enqueue``, ``upcall_return``, ``recv_upcall``, ``flow_operation``, ``action_execute`` or
    ``flow_lookup``."""
    ret: S32 | None
    """Enqueue, return: 0, or a negative error."""
    cmd: U8 | None
    """Upcall, enqueue: why, ``enum ovs_packet_cmd``: 1 no flow (miss), 2 an action, 3 a packet that is executed."""
    port: U32 | None
    """Upcall, enqueue: netlink port of the handler's socket. Action ``output``: number of the datapath's port."""
    cpu: U32 | None
    """Upcall: CPU."""
    upcall_ts: U64 | None
    """Enqueue, return: when the upcall began, ns of CLOCK_MONOTONIC."""
    upcall_cpu: U32 | None
    """Ditto: CPU on which it began."""
    type: U32 | None
    """Receive: ``enum dpif_upcall_type`` of the process."""
    pkt_size: U32 | None
    """Receive: bytes of the packet."""
    key_size: U64 | None
    """Receive: bytes of the flow key."""
    op_type: str | None
    """Operation: ``put`` a flow, or ``exec`` actions."""
    action: str | None
    """Action: its name, ``OVS_ACTION_ATTR_*`` in lower case."""
    id: U32 | None
    """Action ``recirc``: number by which the packet goes round again."""
    reason: U32 | None
    """Action ``drop``: its argument, 0 if the drop was asked for, otherwise an error."""
    flags: U32 | None
    """Action ``ct``: 1 commit, 2 force, 4 IPv4, 8 IPv6, 0x10 NAT, 0x20 of the source, 0x40 of the destination, 0x80
    with addresses, 0x100 with ports, 0x200 ports at random, 0x400 persistent, 0x800 fully at random."""
    zone_id: U16 | None
    """Action ``ct``: zone."""
    nat: Nat | None
    """Action ``ct`` with translation."""
    recirc_id: U32 | None
    """Action: of the packet; 0 on its first way through."""
    queue_id: U32 | None
    """Enqueue, and what the process does or has done: hash of the packet's first 64 bytes."""
    batch_ts: U64 | None
    """Receive, operation: when the first packet of the batch was received, ns of CLOCK_MONOTONIC."""
    batch_idx: U8 | None
    """Ditto: the packet's place in the batch."""
    flow: U64 | None
    """Lookup: address of the flow; 0 if there is none."""
    sf_acts: U64 | None
    """Lookup: address of its actions."""
    ufid: tuple[int, ...] | None
    """Lookup: its identifier, four 32-bit numbers in the order of the traced machine."""
    n_mask_hit: U32 | None
    """Lookup: masks that were tried."""
    n_cache_hit: U32 | None
    """Lookup: 1 if the cache of masks had the right one."""
    dpflow: str | None
    """Lookup: the flow as ``ovs-appctl dpctl/get-flow`` shows it, of events that are enriched."""
    ofpflows: tuple[str, ...] | None
    """Lookup: the OpenFlow rules that it was made of, of events that are enriched."""

    @property
    def upcall(self) -> steps.Upcall:
        """Its fields, of that step."""
        return steps.step(self, "upcall", steps.Upcall)

    @property
    def upcall_enqueue(self) -> steps.UpcallEnqueue:
        """Its fields, of that step."""
        return steps.step(self, "upcall_enqueue", steps.UpcallEnqueue)

    @property
    def upcall_return(self) -> steps.UpcallReturn:
        """Its fields, of that step."""
        return steps.step(self, "upcall_return", steps.UpcallReturn)

    @property
    def recv_upcall(self) -> steps.RecvUpcall:
        """Its fields, of that step."""
        return steps.step(self, "recv_upcall", steps.RecvUpcall)

    @property
    def flow_operation(self) -> steps.FlowOperation:
        """Its fields, of that step."""
        return steps.step(self, "flow_operation", steps.FlowOperation)

    @property
    def flow_lookup(self) -> steps.FlowLookup:
        """Its fields, of that step."""
        found = steps.step(self, "flow_lookup", steps.FlowLookup)
        return found if found.ufid is None else found._replace(ufid=steps.Ufid(found.ufid))

    @property
    def action_execute(self) -> steps.ActionExecute:
        """Its fields, of that step."""
        found = steps.step(self, "action_execute", steps.ActionExecute)
        return found._replace(action=steps.action(self))


@section("ovs-port")
class OvsPort(NamedTuple):
    """A port of the datapath: that by which the packet of an upcall came in, or to which an action puts it out."""

    number: U32
    """In the datapath; ``ovs-dpctl show`` tells it, too."""
    name: Annotated[bytes, Chars(16)]
    """Of its device; empty if the datapath has no such port."""
    is_output: BOOL
    """The packet leaves by it."""


@section("ovs-upcall")
class OvsUpcall(NamedTuple):
    """The upcall for which the process does something, or had an action executed."""

    timestamp: U64
    """When it began, ns of CLOCK_MONOTONIC."""
    cpu: U32
    """Where it began."""
    latency: U64
    """Time from then to this event, in ns."""
