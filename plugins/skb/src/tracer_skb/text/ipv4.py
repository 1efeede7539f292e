"""IPv4 (RFC 791), with the fields of `struct iphdr`; all are big-endian.

Two oddities of Retis are kept: `tos` is the six DSCP bits and not the whole byte, and the names of
the reserved bit and of "more fragments" are swapped (a fragment prints `[rsvd]`).
"""

from functools import lru_cache
from socket import inet_ntoa
from struct import Struct
from typing import Final

from tracer_skb.text.dispatch import IP_PROTOCOLS, TRUNCATED, Inner, ethertype
from tracer_skb.text.ip import ECN_TEXTS, format_endpoints

_HEADER: Final = Struct(">BBHHHBB2x8s")
_TOS_TEXTS: Final = tuple(f" tos {tos >> 2:#x}{ECN_TEXTS[tos & 3]}" for tos in range(256))
# By the three flag bits: reserved, DF and MF on the wire, printed as +, DF and rsvd.
_FLAG_TEXTS: Final = (
    "",
    " [rsvd]",
    " [DF]",
    " [DF,rsvd]",
    " [+]",
    " [+,rsvd]",
    " [+,DF]",
    " [+,DF,rsvd]",
)

_END_OF_LIST: Final = 0
_NOP: Final = 1


@ethertype(0x0800)
def format_ipv4(data: bytes, at: int, link_layer: bool, inner: Inner) -> str:
    """Describe an IPv4 packet and what it carries.

    The version field is not checked: the Ethernet type has already said that this is IPv4.

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
    version_ihl, tos, total, identifier, fragment, ttl, number, addresses = _HEADER.unpack_from(data, at)
    header = (version_ihl & 0xF) * 4
    options = ""
    if header > _HEADER.size:
        options = _options_text(data[body : at + header])
        body = at + header
    # A total length below the header length means an empty body, not one that runs backwards.
    end = body + (total - header if total > header else 0)
    if len(data) > end:
        data = data[:end]  # padding, or what follows in the frame
    protocol = IP_PROTOCOLS[number]
    return (
        f"{format_endpoints(_addresses(addresses), protocol, data, body)}"
        f"{_TOS_TEXTS[tos]} ttl {ttl} id {identifier} off {(fragment & 0x1FFF) * 8}{_FLAG_TEXTS[fragment >> 13]}"
        f"{f' len {total}' if total else ''}{options}"
        f"{protocol.text}{protocol.format(data, body, end, link_layer, inner)}"
    )


def _options_text(raw: bytes) -> str:
    """List the option numbers: the low five bits of the option type (RFC 791, section 3.1).

    The end of the list is shown only behind another option. Types with the number 0 or 1 have no
    length byte; for the others a length below 2 counts as 2.
    """
    numbers: list[int] = []
    at = 0
    while at < len(raw):
        number = raw[at] & 0x1F
        if number == _END_OF_LIST:
            if numbers:
                numbers.append(number)
            break
        numbers.append(number)
        if number == _NOP:
            at += 1
        else:
            at += raw[at + 1] if at + 1 < len(raw) and raw[at + 1] > 2 else 2
    if not numbers:
        return ""
    return f" opts [{','.join(f'Ipv4OptionNumber({number})' for number in numbers)}]"


@lru_cache(maxsize=4096)
def _addresses(raw: bytes) -> tuple[str, str]:
    return inet_ntoa(raw[:4]), inet_ntoa(raw[4:])
