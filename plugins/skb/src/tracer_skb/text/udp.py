"""UDP (RFC 768); all fields are big-endian."""

from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, UDP_PORTS, ip_protocol

_HEADER_SIZE: Final = 8


@ip_protocol(17, port_header=_HEADER_SIZE)
def format_udp(data: bytes, length: int, link_layer: bool) -> str:
    """Describe a UDP datagram, without its ports, and a tunnel in it.

    Args:
        data: The captured bytes, starting at the source port.
        length: Bytes of header and payload, from the IP header.
        link_layer: Whether inner frames show their link layer.

    Returns:
        The bytes of payload that the UDP header states, 0 if it states less than a header; then
        what is registered for the destination port.
    """
    if len(data) < _HEADER_SIZE:
        return TRUNCATED
    stated = data[4] << 8 | data[5]
    text = f" len {stated - _HEADER_SIZE if stated > _HEADER_SIZE else 0}"
    tunnel = UDP_PORTS.get(data[2] << 8 | data[3])
    if tunnel is None:
        return text
    return text + tunnel(data[_HEADER_SIZE:], length - _HEADER_SIZE, link_layer)
