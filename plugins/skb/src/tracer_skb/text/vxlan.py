"""VXLAN (RFC 7348), on its own port and on the one that Linux took before there was one."""

from functools import partial
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, udp_port
from tracer_skb.text.ethernet import format_ethernet

_HEADER: Final = Struct(">B3xI")
_VNI_PRESENT: Final = 0x08


@udp_port(4789)
@udp_port(8472)
def format_vxlan(data: bytes, at: int, end: int, link_layer: bool, inner: Inner) -> str:  # noqa: ARG001 - the table sets it
    """Describe a VXLAN header.

    Args:
        data: The captured bytes.
        at: Where the flags are; all fields are big-endian.
        end: Not used.
        link_layer: Whether the inner frame shows its link layer.
        inner: Takes the inner frame.

    Returns:
        The text of the header, and a space for the inner frame to follow.
    """
    payload = at + _HEADER.size
    if len(data) < payload:
        return TRUNCATED
    flags, vni_reserved = _HEADER.unpack_from(data, at)
    inner.append(partial(format_ethernet, data, payload, link_layer, inner))
    return f" vxlan [{'I' if flags & _VNI_PRESENT else ''}] vni {vni_reserved >> 8:#x} "
