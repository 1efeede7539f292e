"""IPv6 (RFC 8200), with the fields of `struct ipv6hdr`; all are big-endian.

Retis walks all extension headers alike: a next header, then a length in units of 8 bytes without
the first. Of ESP and AH this is not true, but so their text comes about, and we print the same.
"""

from functools import lru_cache
from ipaddress import IPv6Address
from socket import inet_ntoa
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import IP_PROTOCOLS, TRUNCATED, Inner, ethertype
from tracer_skb.text.ip import ECN_TEXTS, format_endpoints

_HEADER: Final = Struct(">IHBB32s")
_NO_NEXT_HEADER: Final = 59
_IPV4_MAPPED: Final = bytes(10) + b"\xff\xff"
_EXTENSIONS: Final = {
    0: "Hopopt",
    43: "Ipv6Route",
    44: "Ipv6Frag",
    50: "Esp",
    51: "Ah",
    60: "Ipv6Opts",
    135: "MobilityHeader",
    139: "Hip",
    140: "Shim6",
    253: "Test1",
    254: "Test2",
}


@ethertype(0x86DD)
def format_ipv6(data: bytes, at: int, link_layer: bool, inner: Inner) -> str:
    """Describe an IPv6 packet and what it carries.

    The version field is not checked, and of the traffic class only ECN is shown. A payload length
    of 0 (a jumbogram, RFC 2675) leaves nothing to decode.

    Args:
        data: The captured bytes.
        at: Where the version field is.
        link_layer: Whether inner frames show their link layer.
        inner: Takes what is left to format.

    Returns:
        The text of the packet.
    """
    body = at + _HEADER.size
    if len(data) < body:
        return TRUNCATED
    first, length, number, hop_limit, addresses = _HEADER.unpack_from(data, at)
    end = body + length
    if len(data) > end:
        data = data[:end]  # padding, or what follows in the frame
    protocol = IP_PROTOCOLS[number]
    text = (
        # Before the extension headers are skipped: ports behind one are not shown.
        f"{format_endpoints(_addresses(addresses), protocol, data, body)}"
        f"{ECN_TEXTS[first >> 20 & 3]} ttl {hop_limit} label {first & 0xFFFFF:#x}"
        f"{f' len {length}' if length else ''}"
    )
    if number == _NO_NEXT_HEADER:
        return text
    if number in _EXTENSIONS:
        names, number, body = _walk_extensions(number, data, body)
        if names:
            text += f" exts [{','.join(names)}]"
        if body > len(data):
            return text + TRUNCATED
        protocol = IP_PROTOCOLS[number]
    return f"{text}{protocol.text}{protocol.format(data, body, end, link_layer, inner)}"


def _walk_extensions(number: int, data: bytes, at: int) -> tuple[list[str], int, int]:
    """Walk the extension headers.

    Args:
        number: The number of the first one.
        data: The captured bytes, up to the end of the packet.
        at: Where the first one starts.

    Returns:
        The names; the number of what follows them, which is an extension again if not even its
        first two bytes are there; where that starts, which can be beyond the captured bytes.
    """
    names: list[str] = []
    while number in _EXTENSIONS and at + 2 <= len(data):
        names.append(_EXTENSIONS[number])
        number = data[at]
        at += (data[at + 1] + 1) * 8
    return names, number, at


@lru_cache(maxsize=4096)
def _addresses(raw: bytes) -> tuple[str, str]:
    return _address(raw[:16]), _address(raw[16:])


def _address(raw: bytes) -> str:
    # Not inet_ntop: C libraries differ in where they put "::" and dotted quads.
    if raw.startswith(_IPV4_MAPPED):
        return f"::ffff:{inet_ntoa(raw[12:])}"
    return IPv6Address(raw).compressed
