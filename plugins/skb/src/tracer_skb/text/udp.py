"""UDP (RFC 768); all fields are big-endian."""

from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, UDP_PORTS, Inner, ip_protocol

_HEADER: Final = Struct(">2xHH2x")


@ip_protocol(17, port_header=_HEADER.size)
def format_udp(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:
    """Describe a UDP datagram, without its ports, and a tunnel in it.

    Args:
        data: The captured bytes.
        at: Where the source port starts.
        end: Where the IP header says that the datagram ends.
        link_layer: Whether inner frames show their link layer.
        inner: Takes what is left to format.

    Returns:
        The bytes of payload that the UDP header states, 0 if it states less than a header; then
        what is registered for the destination port.
    """
    payload = at + _HEADER.size
    if len(data) < payload:
        return TRUNCATED
    port, stated = _HEADER.unpack_from(data, at)
    text = f" len {stated - _HEADER.size}" if stated > _HEADER.size else " len 0"
    if port in UDP_PORTS:
        return text + UDP_PORTS[port](data, payload, end, link_layer, inner)
    return text
