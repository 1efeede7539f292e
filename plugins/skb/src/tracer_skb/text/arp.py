"""ARP (RFC 826) and reverse ARP operations (RFC 903) for IPv4 over Ethernet.

Retis takes the addresses to be 6 and 4 bytes long whatever the length fields say, and so do we.
"""

from socket import inet_ntoa
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, Inner, ethertype, unsupported

_HEADER: Final = Struct(">6xH6s4s6s4s")
_NO_ADDRESS: Final = bytes(6)


@ethertype(0x0806)
def format_arp(data: bytes, at: int, link_layer: bool, inner: Inner) -> str:  # noqa: ARG001 - the table sets it
    """Describe an ARP packet.

    Args:
        data: The captured bytes.
        at: Where the hardware type starts; all fields are big-endian.
        link_layer: Not used.
        inner: Not used.

    Returns:
        The text of the packet: the operation and the addresses that matter to it.
    """
    if len(data) < at + _HEADER.size:
        return TRUNCATED
    operation, sender, sender_ip, target, target_ip = _HEADER.unpack_from(data, at)
    if operation == 1:
        known = f" ({target.hex(':')})" if target != _NO_ADDRESS else ""
        return f"request who-has {inet_ntoa(target_ip)}{known} tell {inet_ntoa(sender_ip)}"
    if operation == 2:
        return f"reply {inet_ntoa(sender_ip)} is-at {sender.hex(':')}"
    if operation == 3:
        return f"reverse request who-is {target.hex(':')} tell {sender.hex(':')}"
    if operation == 4:
        return f"reverse reply {target.hex(':')} at {inet_ntoa(target_ip)}"
    return unsupported(f"ARP operation {operation}")
