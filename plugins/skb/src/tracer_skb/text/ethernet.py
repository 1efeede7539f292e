"""Ethernet II frames (IEEE 802.3) and their VLAN tags (IEEE 802.1Q).

The layout is that of `struct ethhdr` and `struct vlan_hdr` in the kernel; all fields are
big-endian. The tags are skipped, however many there are, and shown only with the link layer.
"""

from functools import lru_cache
from typing import Final

from tracer_skb.text.dispatch import ETHERTYPES, TRUNCATED, Inner, format_network, unsupported
from tracer_skb.text.names import ETHERTYPE_NAMES, ethertype_text

_HEADER_SIZE: Final = 14
_TAG_SIZE: Final = 4
_VLAN_TYPES: Final = frozenset({0x8100, 0x88A8, 0x9100})


def format_ethernet(data: bytes, at: int, link_layer: bool, inner: Inner) -> str:
    """Describe an Ethernet frame and what it holds.

    An 802.3 frame with a length instead of a type is reported like an unknown type.

    Args:
        data: The captured bytes.
        at: Where the destination address starts.
        link_layer: Whether to begin with the addresses, the type and the VLAN tags.
        inner: Takes what is left to format.

    Returns:
        The text of the frame.
    """
    payload = at + _HEADER_SIZE
    if len(data) < payload:
        return TRUNCATED
    ethertype = data[at + 12] << 8 | data[at + 13]
    if not link_layer and ethertype in ETHERTYPES:
        return ETHERTYPES[ethertype](data, payload, link_layer, inner)
    if ethertype not in ETHERTYPE_NAMES:
        # Only the outer type is checked, and before anything is printed: so Retis does.
        return unsupported(f"ethertype 0x{ethertype:04x}")
    text = _header_text(data[at:payload]) if link_layer else ""
    return text + format_tagged(ethertype, data, payload, link_layer, inner)


def format_tagged(ethertype: int, data: bytes, at: int, link_layer: bool, inner: Inner) -> str:
    """Describe what an Ethernet type says it is, behind any number of VLAN tags.

    Args:
        ethertype: The Ethernet type.
        data: The captured bytes.
        at: Where the tag, or the header of that protocol, starts.
        link_layer: Whether to show the tags.
        inner: Takes what is left to format.

    Returns:
        The text of the tags and the payload; with the link layer a space goes before each.
    """
    tags = ""
    while ethertype in _VLAN_TYPES:
        if len(data) < at + _TAG_SIZE:
            return tags + TRUNCATED
        tag = data[at] << 8 | data[at + 1]
        ethertype = data[at + 2] << 8 | data[at + 3]
        at += _TAG_SIZE
        if link_layer:
            tags += _tag_text(tag, ethertype)
    payload = format_network(ethertype, data, at, link_layer, inner)
    return f"{tags} {payload}" if link_layer else payload


@lru_cache(maxsize=1024)
def _header_text(header: bytes) -> str:
    ethertype = int.from_bytes(header[12:], "big")
    return f"{header[6:12].hex(':')} > {header[:6].hex(':')} {ethertype_text(ethertype)}"


def _tag_text(tag: int, ethertype: int) -> str:
    drop_eligible = " DEI" if tag & 0x1000 else ""
    return f" vlan {tag & 0xFFF} p {tag >> 13}{drop_eligible} {ethertype_text(ethertype)}"
