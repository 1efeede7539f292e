"""Ethernet II frames (IEEE 802.3) and their VLAN tags (IEEE 802.1Q).

The layout is that of `struct ethhdr` and `struct vlan_hdr` in the kernel; all fields are
big-endian. The tags are skipped, however many there are, and shown only with the link layer.
"""

from typing import Final

from tracer_skb.text.dispatch import ETHERTYPES, TRUNCATED, unsupported
from tracer_skb.text.names import ETHERTYPE_NAMES, ethertype_text

_HEADER_SIZE: Final = 14
_TAG_SIZE: Final = 4
_VLAN_TYPES: Final = frozenset({0x8100, 0x88A8, 0x9100})


def format_ethernet(data: bytes, link_layer: bool) -> str:
    """Describe an Ethernet frame and what it holds.

    An 802.3 frame with a length instead of a type is reported like an unknown type.

    Args:
        data: The captured bytes, starting at the destination address.
        link_layer: Whether to begin with the addresses, the type and the VLAN tags.

    Returns:
        The text of the frame.
    """
    if len(data) < _HEADER_SIZE:
        return TRUNCATED
    ethertype = data[12] << 8 | data[13]
    if ethertype not in ETHERTYPE_NAMES:
        # Only the outer type is checked, and before anything is printed: so Retis does.
        return unsupported(f"ethertype 0x{ethertype:04x}")
    text = ""
    if link_layer:
        text = f"{data[6:12].hex(':')} > {data[:6].hex(':')} {ethertype_text(ethertype)}"
    start = _HEADER_SIZE
    while ethertype in _VLAN_TYPES:
        if len(data) < start + _TAG_SIZE:
            return text + TRUNCATED
        tag = data[start] << 8 | data[start + 1]
        ethertype = data[start + 2] << 8 | data[start + 3]
        start += _TAG_SIZE
        if link_layer:
            text += _tag_text(tag, ethertype)
    payload = format_network(ethertype, data[start:], link_layer)
    return f"{text} {payload}" if link_layer else payload


def format_network(ethertype: int, payload: bytes, link_layer: bool) -> str:
    """Describe what an Ethernet type says it is.

    Args:
        ethertype: The Ethernet type.
        payload: The captured bytes, starting at the header of that protocol.
        link_layer: Whether inner frames show their link layer.

    Returns:
        The text of the payload, or that its type is not decoded.
    """
    formatter = ETHERTYPES.get(ethertype)
    if formatter is None:
        return unsupported(f"ethertype 0x{ethertype:04x}")
    return formatter(payload, link_layer)


def _tag_text(tag: int, ethertype: int) -> str:
    drop_eligible = " DEI" if tag & 0x1000 else ""
    return f" vlan {tag & 0xFFF} p {tag >> 13}{drop_eligible} {ethertype_text(ethertype)}"
