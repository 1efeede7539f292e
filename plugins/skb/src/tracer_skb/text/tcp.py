"""TCP (RFC 9293); all fields are big-endian."""

from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, ip_protocol
from tracer_skb.text.tcp_options import options_text

_HEADER: Final = Struct(">4xIIHH4x")
_ACK: Final = 0x10

# By the nine flag bits, from FIN (bit 0) to AE (bit 8, RFC 9768).
_FLAG_TEXTS: Final = tuple(
    "".join(letter for bit, letter in enumerate("FSRP.UEWe") if flags >> bit & 1) for flags in range(512)
)


@ip_protocol(6, port_header=_HEADER.size)
def format_tcp(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:  # noqa: ARG001 - the table sets it
    """Describe a TCP segment, without its ports.

    The sequence numbers span the payload that the headers state, not the one captured. The window
    is as on the wire, not scaled.

    Args:
        data: The captured bytes.
        at: Where the source port starts.
        end: Where the IP header says that the segment ends.
        link_layer: Not used.
        inner: Not used.

    Returns:
        The text of the segment.
    """
    options = at + _HEADER.size
    if len(data) < options:
        return TRUNCATED
    sequence, acknowledged, offset_flags, window = _HEADER.unpack_from(data, at)
    payload = at + (offset_flags >> 12) * 4
    text = f" flags [{_FLAG_TEXTS[offset_flags & 0x1FF]}] seq {sequence}"
    if end > payload:
        text += f":{sequence + end - payload & 0xFFFFFFFF}"
    if offset_flags & _ACK:
        text += f" ack {acknowledged}"
    if payload > options:
        return f"{text} win {window} [{options_text(data, options, payload)}]"
    return f"{text} win {window}"
