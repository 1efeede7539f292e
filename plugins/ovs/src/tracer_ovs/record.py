"""What programs write of Open vSwitch."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from tracer_core.api import S32, U8, U16, U32, U64, Chars

Address = Annotated[bytes, Chars(16)]
"""``union nf_inet_addr``: IPv4 takes the first 4 bytes. Network order."""


class UpcallRecord(NamedTuple):
    """``struct dp_upcall_info``."""

    port: U32
    """Netlink port of the handler's socket."""
    cpu: U32
    """That the upcall begins on."""
    cmd: U8
    """``enum ovs_packet_cmd``."""


class EnqueueRecord(NamedTuple):
    """What ``queue_userspace_packet()`` was asked for, and returned."""

    upcall_ts: U64
    """When the upcall began, in ns."""
    upcall_cpu: U32
    """Where."""
    port: U32
    """As in the upcall."""
    queue_id: U32
    """Hash of the packet's first bytes."""
    ret: S32
    """0, or a negative error."""
    cmd: U8
    """As in the upcall."""


class ReturnRecord(NamedTuple):
    """What ``ovs_dp_upcall()`` returned."""

    upcall_ts: U64
    """When the upcall began, in ns."""
    upcall_cpu: U32
    """Where."""
    ret: S32
    """0, or a negative error."""


class ReceivedRecord(NamedTuple):
    """A packet in the process, and what it is there for."""

    batch_ts: U64
    """When the first packet of the batch was received, in ns."""
    queue_id: U32
    """Hash of the packet's first bytes."""
    batch_idx: U8
    """Its place in the batch."""
    op_type: U8
    """What is done for it: 0 it is received, 1 a flow is put, 2 actions are executed."""


class ArrivalRecord(NamedTuple):
    """What the process says of a packet that it receives."""

    key_size: U64
    """Bytes of the flow key."""
    type: U32
    """``enum dpif_upcall_type``."""
    pkt_size: U32
    """Bytes of the packet."""


class ActionRecord(NamedTuple):
    """An action, as netlink has it."""

    recirc_id: U32
    """Of the packet."""
    argument: U32
    """Of ``output``, ``recirc`` and ``drop``: port, number, reason."""
    type: U16
    """``enum ovs_action_attr``."""


class CtRecord(NamedTuple):
    """``struct ovs_conntrack_info``."""

    min_addr: Address
    """First address to translate to."""
    max_addr: Address
    """Last one."""
    range_flags: U32
    """``NF_NAT_RANGE_*``."""
    zone_id: U16
    """Zone."""
    family: U16
    """``NFPROTO_*``."""
    min_port: U16
    """First port to translate to."""
    max_port: U16
    """Last one."""
    commit: U8
    """The connection is confirmed."""
    force: U8
    """One in the other direction is replaced."""
    nat: U8
    """``enum ovs_ct_nat``."""


class LookupRecord(NamedTuple):
    """A flow table was asked."""

    flow: U64
    """Address of the flow; 0 if there is none."""
    sf_acts: U64
    """Address of its actions."""
    ufid_0: U32
    """First part of its identifier, in the order of this machine."""
    ufid_1: U32
    """Second."""
    ufid_2: U32
    """Third."""
    ufid_3: U32
    """Last."""
    n_mask_hit: U32
    """Masks that were tried."""
    n_cache_hit: U32
    """1 if the first mask was that of the cache, and the right one."""


class OvsRecord(NamedTuple):
    """One of these."""

    kind: U8
    """Which: see ``decode.KINDS``."""
    call: UpcallRecord | None
    """A packet has no flow, or is for the process."""
    enqueue: EnqueueRecord | None
    """It is queued for the process."""
    ret: ReturnRecord | None
    """The upcall is over."""
    received: ReceivedRecord | None
    """It is in the process; or is an action's that the process had executed."""
    arrival: ArrivalRecord | None
    """What the process says of it."""
    action: ActionRecord | None
    """An action."""
    ct: CtRecord | None
    """That of ``ct``."""
    lookup: LookupRecord | None
    """A flow was looked for."""
