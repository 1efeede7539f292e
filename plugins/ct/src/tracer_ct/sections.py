"""The conntrack entry of a packet as readers see it. Names and order are those of Retis' files."""

from __future__ import annotations

from typing import NamedTuple

from tracer_core.api import U8, U16, U32, U64, section
from tracer_ct.record import CtRecord


class Ip(NamedTuple):
    """Addresses of a direction."""

    src: str
    """Who sends."""
    dst: str
    """To whom."""
    version: str
    """``v4`` or ``v6``."""


class Ports(NamedTuple):
    """Ports of a direction."""

    sport: U16
    """Source."""
    dport: U16
    """Destination."""


class Icmp(NamedTuple):
    """ICMP; ICMPv6 with addresses of that version."""

    code: U8
    """Code of the message."""
    type: U8
    """Type of the message; in the reply tuple, that of the answer."""
    id: U16
    """Identifier, of messages that have one."""


class Sctp(NamedTuple):
    """Ports and verification tag of a direction."""

    sport: U16
    """Source."""
    dport: U16
    """Destination."""
    vtag: U32
    """Verification tag; 0 if it is not known yet."""


class Gre(NamedTuple):
    """Keys of a direction: those of PPTP, else 0."""

    srckey: U16
    """Source."""
    dstkey: U16
    """Destination."""


class Other(NamedTuple):
    """Any other protocol."""

    number: U8
    """``IPPROTO_*``."""
    sport: U16
    """Source port; 0 of protocols without."""
    dport: U16
    """Destination port; 0 of protocols without."""


class Protocol(NamedTuple):
    """One of these."""

    tcp: Ports | None = None
    """TCP."""
    udp: Ports | None = None
    """UDP."""
    icmp: Icmp | None = None
    """ICMP or ICMPv6."""
    sctp: Sctp | None = None
    """SCTP."""
    gre: Gre | None = None
    """GRE; only in ``ct-other``."""
    other: Other | None = None
    """Any other; only in ``ct-other``."""


class Tuple(NamedTuple):
    """What packets of a direction look like."""

    ip: Ip
    """Addresses."""
    proto: Protocol
    """What is above IP."""


class Labels(NamedTuple):
    """Labels, a bit each."""

    hi: U64
    """Labels 64 to 127."""
    lo: U64
    """Labels 0 to 63."""


class Connection(NamedTuple):
    """A connection: ``struct nf_conn``."""

    zone_id: U16
    """Zone."""
    zone_dir: str
    """Directions that the zone is for: ``Default`` both, ``Original``, ``Reply``, ``None``."""
    orig: Tuple
    """Packets of the original direction."""
    reply: Tuple
    """Packets of the other one; translation shows in the difference."""
    proto_state: str | None
    """TCP and SCTP: state of the connection as the kernel names it, ``ESTABLISHED``."""
    mark: U32 | None
    """Mark; missing where the kernel has none."""
    labels: Labels | None
    """Labels, if any is set."""
    ct_status: U64
    """``IPS_*``."""


@section("ct", record=CtRecord)
class Ct(NamedTuple):
    """The conntrack entry of a TCP, UDP, ICMP, ICMPv6 or SCTP packet."""

    state: str
    """What the packet is to the connection: ``new``, ``established``, ``reply``, ``related``, ``related_reply``."""
    zone_id: U16
    """Zone."""
    zone_dir: str
    """Directions that the zone is for: ``Default`` both, ``Original``, ``Reply``, ``None``."""
    orig: Tuple
    """Packets of the original direction."""
    reply: Tuple
    """Packets of the other one; translation shows in the difference."""
    proto_state: str | None
    """TCP and SCTP: state of the connection as the kernel names it, ``ESTABLISHED``."""
    mark: U32 | None
    """Mark; missing where the kernel has none."""
    labels: Labels | None
    """Labels, if any is set."""
    ct_status: U64
    """``IPS_*``."""
    parent: Connection | None
    """The connection by which this one was expected, such as the control connection of FTP."""

    @property
    def base(self) -> Connection:
        """The connection, as Retis' library has it beside ``state`` and ``parent``."""
        return Connection(*(getattr(self, name) for name in Connection._fields))


@section("ct-other", record=CtRecord)
class CtOther(NamedTuple):
    """What ``ct`` has no form for: packets that are not tracked on purpose, and connections of other protocols."""

    state: str
    """As in ``ct``; or ``untracked``."""
    connection: Connection | None
    """The connection; missing if there is none."""
    parent: Connection | None
    """The connection by which this one was expected, such as the control connection of PPTP."""
