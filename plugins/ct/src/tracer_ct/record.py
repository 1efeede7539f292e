"""What programs write of a conntrack entry."""

from __future__ import annotations

from typing import Annotated, NamedTuple

from tracer_core.api import U8, U16, U32, U64, Chars

Address = Annotated[bytes, Chars(16)]
"""``union nf_inet_addr``: IPv4 takes the first 4 bytes. Network order."""


class ConnectionRecord(NamedTuple):
    """``struct nf_conn``, as far as it is reported."""

    status: U64
    """``IPS_*``."""
    labels_lo: U64
    """Labels 0 to 63; 0 if there are none."""
    labels_hi: U64
    """Labels 64 to 127."""
    orig_src: Address
    """Of the tuple of the original direction."""
    orig_dst: Address
    """Ditto."""
    reply_src: Address
    """Of the tuple of the other direction."""
    reply_dst: Address
    """Ditto."""
    mark: U32
    """0 on kernels without."""
    orig_vtag: U32
    """SCTP: the verification tag."""
    reply_vtag: U32
    """Ditto."""
    orig_from: U16
    """Port, identifier or key: ``tuple.src.u``."""
    orig_to: U16
    """Port or key; ICMP: type in the upper half, code in the lower: ``tuple.dst.u``."""
    reply_from: U16
    """As ``orig_from``."""
    reply_to: U16
    """As ``orig_to``."""
    zone_id: U16
    """0 on kernels without."""
    zone_dir: U8
    """Directions that the zone is for: 1 the original, 2 the other one."""
    proto_state: U8
    """TCP and SCTP: ``enum tcp_conntrack``, ``enum sctp_conntrack``."""
    family: U8
    """``AF_INET`` or ``AF_INET6``."""
    protocol: U8
    """``IPPROTO_*``."""


class CtRecord(NamedTuple):
    """What an skb says of its connection, and the connection."""

    state: U8
    """``enum ip_conntrack_info``."""
    connection: ConnectionRecord | None
    """Of the packet; missing if it is not tracked."""
    parent: ConnectionRecord | None
    """Of the connection that made this one expected."""
