"""Geneve (RFC 8926) and its options; all fields are big-endian."""

from functools import partial
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, format_network, udp_port
from tracer_skb.text.ethernet import format_ethernet
from tracer_skb.text.names import ethertype_name

_HEADER: Final = Struct(">BBHI")
_ETHERNET: Final = 0x6558
# By the two flag bits: control packet (O), critical options present (C).
_FLAG_TEXTS: Final = ("", "C", "O", "OC")

_OPTION: Final = Struct(">HBB")
_CRITICAL: Final = 0x80
# The option in which Linux says where the headers inside are, for GRO: its class and type.
_GRO_HINT: Final = (0x100, 1)
_GRO_HINT_VALUE: Final = Struct(">BBBB")


@udp_port(6081)
def format_geneve(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:  # noqa: ARG001 - the table sets it
    """Describe a Geneve header.

    Args:
        data: The captured bytes.
        at: Where the version is.
        end: Not used.
        link_layer: Whether to show the Ethernet type, and an inner frame its link layer.
        inner: Takes the inner frame or packet.

    Returns:
        The text of the header, and a space for the inner packet to follow. With the link layer
        there are two before a packet that has none, as in Retis.
    """
    options = at + _HEADER.size
    if len(data) < options:
        return TRUNCATED
    version_length, flags, protocol, vni_reserved = _HEADER.unpack_from(data, at)
    payload = options + (version_length & 0x3F) * 4
    text = f" geneve [{_FLAG_TEXTS[flags >> 6]}] vni {vni_reserved >> 8:#x}"
    if link_layer:
        text += f" proto {ethertype_name(protocol)}"
    if payload > options:
        text += f" [{_options_text(data[options:payload])}]"
    if protocol == _ETHERNET:
        inner.append(partial(format_ethernet, data, payload, link_layer, inner))
        return f"{text} "
    inner.append(partial(format_network, protocol, data, payload, link_layer, inner))
    return f"{text}  " if link_layer else f"{text} "


def _options_text(raw: bytes) -> str:
    """List the options whose headers were captured, `raw` being what was captured of them all."""
    texts: list[str] = []
    at = 0
    while at + _OPTION.size <= len(raw):
        number, kind, words = _OPTION.unpack_from(raw, at)
        size = (words & 0x1F) * 4
        value = at + _OPTION.size
        text = f"class {number:#x} type {kind:#x}{'(C)' if kind & _CRITICAL else ''} len {size}"
        if (number, kind) == _GRO_HINT and size and value + _GRO_HINT_VALUE.size <= len(raw):
            protocol, network, transport, header = _GRO_HINT_VALUE.unpack_from(raw, value)
            version = "v6" if protocol & 4 else "v4"
            text += f" (proto {protocol & 3} {version} nh {network} tp {transport} hlen {header})"
        texts.append(text)
        at = value + size
    return ",".join(texts)
