"""What an skb says beside its data."""

from __future__ import annotations

from typing import NamedTuple

from tracer_core.api import BOOL, U8, U16, U32, section


class VlanAccel(NamedTuple):
    """A VLAN tag that is not in the packet's bytes: the device took it out, or will put it in."""

    proto: U16
    """Ethertype of the tag, host order: 0x8100 for 802.1Q."""
    vid: U16
    """VLAN."""
    pcp: U8
    """Priority code point."""
    dei: BOOL
    """Drop eligible indicator."""


class Meta(NamedTuple):
    """Length, checksum and the like: ``struct sk_buff``."""

    len: U32
    """Bytes of the packet from where it is looked at: ``skb->len``."""
    data_len: U32
    """Bytes of those that are not in the linear part."""
    hash: U32
    """Hash of the flow; 0 if there is none."""
    csum: U32
    """Checksum, or where to put it: ``csum_start`` in the lower half, ``csum_offset`` in the upper."""
    priority: U32
    """Queueing priority."""
    ip_summed: U8
    """State of the checksum: 0 none, 1 unnecessary, 2 complete, 3 partial."""
    csum_level: U8
    """With 1: checksums that were verified, less one."""


class DataRef(NamedTuple):
    """Who else has the skb or its data."""

    nohdr: BOOL
    """Its headers may not be changed: only the payload is referred to."""
    cloned: BOOL
    """The head may be shared with a clone."""
    fclone: U8
    """0 no fast clone, 1 the original, 2 the clone."""
    users: U8
    """References to the skb, the low byte."""
    dataref: U8
    """References to the data, the low byte: ``skb_shared_info.dataref``."""


class Gso(NamedTuple):
    """How the packet will be cut into segments, or was put together of them: ``struct skb_shared_info``."""

    size: U32
    """Bytes of a segment's payload."""
    segs: U32
    """Segments."""
    type: U32
    """``SKB_GSO_*``."""
    flags: U8
    """``SKBFL_*``; 0 on kernels without."""
    frags: U8
    """Fragments in pages."""


@section("skb")
class Skb(NamedTuple):
    """What an skb says beside its data: VLAN tags, and what ``--skb-sections`` names."""

    vlan_accel: VlanAccel | None = None
    """A VLAN tag that is not in the packet's bytes."""
    meta: Meta | None = None
    """Length, checksum and the like."""
    data_ref: DataRef | None = None
    """Who else has the skb or its data."""
    gso: Gso | None = None
    """Segmentation; only of packets that have any."""
