"""MACsec (IEEE 802.1AE): the security tag, and the payload where that is neither encrypted nor changed.

All fields are big-endian.
"""

from functools import partial
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, ethertype
from tracer_skb.text.ethernet import format_tagged

_HEADER: Final = Struct(">BBI")
_SCI_SIZE: Final = 8
_ETHERTYPE_SIZE: Final = 2

_SCI_PRESENT: Final = 0x20
_ENCRYPTED: Final = 0x08
_CHANGED: Final = 0x04
_ASSOCIATION_NUMBER: Final = 0x03
_SHORT_LENGTH: Final = 0x3F
# Encrypted, changed, end station, single copy broadcast, SCI present.
_FLAGS: Final = ((_ENCRYPTED, "E"), (_CHANGED, "C"), (0x40, "S"), (0x10, "B"), (_SCI_PRESENT, "I"))


@ethertype(0x88E5)
def format_macsec(data: bytes, at: int, link_layer: bool, inner: Inner) -> str:
    """Describe a MACsec frame.

    Args:
        data: The captured bytes.
        at: Where the security tag starts, behind the Ethernet type.
        link_layer: Whether to show the tag.
        inner: Takes the payload.

    Returns:
        The text of the tag, empty without the link layer. Of a payload that cannot be read, only
        that there is one.
    """
    if len(data) < at + _HEADER.size:
        return TRUNCATED
    control, short_length, packet_number = _HEADER.unpack_from(data, at)
    sci = at + _HEADER.size
    payload = sci + _SCI_SIZE if control & _SCI_PRESENT else sci
    tag = _tag_text(control, short_length, packet_number, data[sci:payload]) if link_layer else ""
    if control & (_ENCRYPTED | _CHANGED):
        if not link_layer:
            return "802.1AE MACsec frame"
        return tag if len(data) >= payload else tag + TRUNCATED
    start = payload + _ETHERTYPE_SIZE
    if len(data) < start:
        return tag + TRUNCATED
    inner_type = data[payload] << 8 | data[payload + 1]
    inner.append(partial(format_tagged, inner_type, data, start, link_layer, inner))
    return tag


def _tag_text(control: int, short_length: int, packet_number: int, sci: bytes) -> str:
    flags = "".join(letter for bit, letter in _FLAGS if control & bit)
    text = f"an {control & _ASSOCIATION_NUMBER} pn {packet_number} flags [{flags}]"
    if short_length & _SHORT_LENGTH:
        text += f" sl {short_length & _SHORT_LENGTH}"
    if len(sci) == _SCI_SIZE:
        text += f" sci 0x{sci.hex()}"
    return text
