"""AH (RFC 4302) over IPv4; over IPv6 it is walked like the other extension headers."""

from functools import partial
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import IP_PROTOCOLS, TRUNCATED, Inner, ip_protocol

_HEADER: Final = Struct(">BB2xII")


@ip_protocol(51)
def format_ah(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:
    """Describe an authentication header, and name what it authenticates.

    Args:
        data: The captured bytes.
        at: Where the next header field is; all fields are big-endian.
        end: Where the IP header says that the packet ends.
        link_layer: Whether inner frames show their link layer.
        inner: Takes what follows the header.

    Returns:
        The text of the header, with as much of the integrity check value as was captured.
    """
    start = at + _HEADER.size
    if len(data) < start:
        return TRUNCATED
    next_header, words, index, sequence = _HEADER.unpack_from(data, at)
    # The length counts 32-bit words of the whole header, without the first two. Where it is too
    # small for the header, Retis takes it for the length but does not start the payload earlier.
    stated = (words + 2) * 4
    payload = at + max(stated, _HEADER.size)
    end += payload - at - stated
    protocol = IP_PROTOCOLS[next_header]
    inner.append(partial(protocol.format, data, payload, end, link_layer, inner))
    return f" spi 0x{index:08x} seq {sequence:#x} icv 0x{data[start:payload].hex()}{protocol.text}"
