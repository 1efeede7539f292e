"""ICMP (RFC 792) and ICMPv6 (RFC 4443), which begin alike."""

from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, ip_protocol

_HEADER_SIZE: Final = 4


@ip_protocol(1)
@ip_protocol(58)
def format_icmp(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:  # noqa: ARG001 - the table sets it
    """Describe an ICMP message.

    Args:
        data: The captured bytes.
        at: Where the type is.
        end: Not used.
        link_layer: Not used.
        inner: Not used.

    Returns:
        The type and the code.
    """
    if len(data) < at + _HEADER_SIZE:
        return TRUNCATED
    return f" type {data[at]} code {data[at + 1]}"
