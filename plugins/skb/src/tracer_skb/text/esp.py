"""ESP (RFC 4303), of which only the beginning is not encrypted."""

from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, ip_protocol

_HEADER: Final = Struct(">II")


@ip_protocol(50)
def format_esp(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:  # noqa: ARG001 - the table sets it
    """Describe an ESP packet.

    Args:
        data: The captured bytes.
        at: Where the security parameters index starts; all fields are big-endian.
        end: Not used.
        link_layer: Not used.
        inner: Not used.

    Returns:
        The security parameters index and the sequence number.
    """
    if len(data) < at + _HEADER.size:
        return TRUNCATED
    index, sequence = _HEADER.unpack_from(data, at)
    return f" spi 0x{index:08x} seq {sequence:#x}"
