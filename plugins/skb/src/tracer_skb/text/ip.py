"""What IPv4 and IPv6 have in common: the end points and ECN."""

from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import IPProtocol

_PORTS: Final = Struct(">HH")

ECN_TEXTS: Final = ("", " ECT(1)", " ECT(0)", " CE")
"""By the two bits of the ECN field (RFC 3168, section 5)."""


def format_endpoints(addresses: tuple[str, str], protocol: IPProtocol, data: bytes, at: int) -> str:
    """Describe who sends to whom.

    Ports are shown whenever the whole transport header could be there. Fragments that do not
    start at offset 0 have no such header; Retis shows their first bytes as ports, and so do we.

    Args:
        addresses: The source and the destination.
        protocol: What the IP packet carries.
        data: The captured bytes, up to the end of the packet.
        at: Where the IP header ends.

    Returns:
        Such as ``10.0.0.1.1234 > 10.0.0.2.80``.
    """
    source, destination = addresses
    if 0 < protocol.port_header <= len(data) - at:
        source_port, destination_port = _PORTS.unpack_from(data, at)
        return f"{source}.{source_port} > {destination}.{destination_port}"
    return f"{source} > {destination}"
