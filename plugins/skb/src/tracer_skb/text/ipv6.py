"""IPv6 (RFC 8200), with the fields of `struct ipv6hdr`; all are big-endian.

Retis walks all extension headers alike: a next header, then a length in units of 8 bytes without
the first. Of ESP and AH this is not true, but so their text comes about, and we print the same.
"""

from functools import lru_cache
from ipaddress import IPv6Address
from socket import inet_ntoa
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import TRUNCATED, ethertype
from tracer_skb.text.ip import ECN_TEXTS, format_endpoints, format_transport

_HEADER: Final = Struct(">IHBB16s16s")
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
def format_ipv6(data: bytes, link_layer: bool) -> str:
    """Describe an IPv6 packet and what it carries.

    The version field is not checked, and of the traffic class only ECN is shown. A payload length
    of 0 (a jumbogram, RFC 2675) leaves nothing to decode.

    Args:
        data: The captured bytes, starting at the version field.
        link_layer: Whether inner frames show their link layer.

    Returns:
        The text of the packet.
    """
    if len(data) < _HEADER.size:
        return TRUNCATED
    first, length, protocol, hop_limit, source, destination = _HEADER.unpack_from(data)
    body = data[40 : 40 + length]
    # Before the extension headers are skipped: ports behind one are not shown.
    ends = format_endpoints(_address(source), _address(destination), protocol, body)
    text = (
        f"{ends}{ECN_TEXTS[first >> 20 & 3]} ttl {hop_limit} label {first & 0xFFFFF:#x}"
        f"{f' len {length}' if length else ''}"
    )
    if protocol == _NO_NEXT_HEADER:
        return text
    if protocol in _EXTENSIONS:
        names, protocol, skipped = _walk_extensions(protocol, body)
        if names:
            text += f" exts [{','.join(names)}]"
        if skipped > len(body):
            return text + TRUNCATED
        body = body[skipped:]
        length -= skipped
    return text + format_transport(protocol, body, length, link_layer)


def _walk_extensions(protocol: int, body: bytes) -> tuple[list[str], int, int]:
    """Walk the extension headers.

    Args:
        protocol: The number of the first one.
        body: The captured bytes, starting at the first one.

    Returns:
        The names; the number of what follows them, which is an extension again if not even its
        first two bytes are there; how many bytes they take, which can be more than there are.
    """
    names: list[str] = []
    at = 0
    while protocol in _EXTENSIONS and at + 2 <= len(body):
        names.append(_EXTENSIONS[protocol])
        protocol = body[at]
        at += (body[at + 1] + 1) * 8
    return names, protocol, at


@lru_cache(maxsize=4096)
def _address(raw: bytes) -> str:
    # Not inet_ntop: C libraries differ in where they put "::" and dotted quads.
    if raw.startswith(_IPV4_MAPPED):
        return f"::ffff:{inet_ntoa(raw[12:])}"
    return IPv6Address(raw).compressed
