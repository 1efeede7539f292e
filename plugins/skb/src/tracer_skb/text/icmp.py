"""ICMP (RFC 792) and ICMPv6 (RFC 4443), which begin alike."""

from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, ip_protocol

_HEADER_SIZE: Final = 4


@ip_protocol(1)
@ip_protocol(58)
def format_icmp(data: bytes, length: int, link_layer: bool) -> str:  # noqa: ARG001 - the table sets it
    """Describe an ICMP message.

    Args:
        data: The captured bytes, starting at the type.
        length: Not used.
        link_layer: Not used.

    Returns:
        The type and the code.
    """
    if len(data) < _HEADER_SIZE:
        return TRUNCATED
    return f" type {data[0]} code {data[1]}"
