"""What IPv4 and IPv6 have in common: the end points, ECN and the protocol above."""

from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import IP_PROTOCOLS, unsupported
from tracer_skb.text.names import protocol_text

_PORTS: Final = Struct(">HH")

ECN_TEXTS: Final = ("", " ECT(1)", " ECT(0)", " CE")
"""By the two bits of the ECN field (RFC 3168, section 5)."""

_PROTOCOL_TEXTS: Final = tuple(f" {protocol_text(number)}" for number in range(256))


def format_endpoints(source: str, destination: str, protocol: int, body: bytes) -> str:
    """Describe who sends to whom.

    Ports are shown whenever the whole transport header could be there. Fragments that do not
    start at offset 0 have no such header; Retis shows their first bytes as ports, and so do we.

    Args:
        source: The source address.
        destination: The destination address.
        protocol: The IP protocol number.
        body: The captured bytes after the IP header.

    Returns:
        Such as ``10.0.0.1.1234 > 10.0.0.2.80``.
    """
    known = IP_PROTOCOLS.get(protocol)
    if known is not None and 0 < known.port_header <= len(body):
        source_port, destination_port = _PORTS.unpack_from(body)
        return f"{source}.{source_port} > {destination}.{destination_port}"
    return f"{source} > {destination}"


def format_transport(protocol: int, body: bytes, length: int, link_layer: bool) -> str:
    """Describe what an IP packet carries.

    Args:
        protocol: The IP protocol number.
        body: The captured bytes, starting at the header of that protocol.
        length: Bytes that the IP header says there are from there on.
        link_layer: Whether inner frames show their link layer.

    Returns:
        A space, the name of the protocol, and its text or that it is not decoded.
    """
    known = IP_PROTOCOLS.get(protocol)
    if known is None:
        return _PROTOCOL_TEXTS[protocol] + unsupported(f"protocol {protocol:#x}")
    return _PROTOCOL_TEXTS[protocol] + known.format(body, length, link_layer)
