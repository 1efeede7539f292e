"""Hypothesis strategies for packets. Numbers that mean something are frequent, all others possible.

A packet is the bytes from its Ethernet type on, so that frames, MACsec and Geneve can hold it. Strategies for parts of
packets are made once, by caches and constants: making one takes as long as drawing from it a few times.
"""

import struct
from functools import cache

from hypothesis import strategies as st

EXTENSION_NUMBERS = (0, 43, 44, 50, 51, 60, 135, 139, 140, 253, 254)
VLAN_TYPES = (0x8100, 0x88A8, 0x9100)
SCTP_DATA, SCTP_INIT, SCTP_INIT_ACK, SCTP_SACK = range(4)


@cache
def number(bits: int, *frequent: int) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from(frequent or (0,)), st.integers(0, (1 << bits) - 1))


@cache
def size(right: int, *wrong: int) -> st.SearchStrategy[int]:
    """A 16-bit length: mostly the right one, at times one of those that are worth a try."""
    return number(16, *[right] * 8, 0, 1, max(right - 1, 0), right + 9, *wrong)


@cache
def mostly(right: int, *others: int) -> st.SearchStrategy[int]:
    """The right number, at times one of the others."""
    return st.sampled_from([right] * 8 + list(others))


@cache
def exactly(count: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=count, max_size=count)


BYTES = st.binary(max_size=20)

# What IP carries: (protocol, bytes).


@st.composite
def tcp_option(draw: st.DrawFn) -> bytes:
    kind = draw(number(8, *range(9), 11, 12, 13, 19, 20, 28, 29, 30, 34, 253, 254))
    if kind < 2:
        return bytes([kind])
    value = draw(BYTES)
    return bytes([kind, draw(mostly(len(value) + 2, 0, 1, 2, 3, 10, 18, 40, 255))]) + value


TCP_OPTIONS = st.lists(tcp_option(), max_size=5)


@st.composite
def tcp(draw: st.DrawFn) -> tuple[int, bytes]:
    aligned_timestamps = b"\x01\x01\x08\x0a" + draw(exactly(8)) if draw(st.booleans()) else b""
    options = (aligned_timestamps + b"".join(draw(TCP_OPTIONS)))[:40]
    options += bytes([draw(st.sampled_from([0, 1]))]) * (-len(options) % 4)
    offset = draw(mostly(5 + len(options) // 4, *range(16)))
    header = struct.pack(
        ">HHIIHHHH",
        draw(number(16, 0, 80, 65535)),
        draw(number(16, 0, 443)),
        draw(number(32, 0, 0xFFFFFFFF)),
        draw(number(32, 0)),
        offset << 12 | draw(st.integers(0, 0xFFF)),
        draw(number(16, 0)),
        0,
        0,
    )
    return 6, header + options + draw(st.binary(max_size=8))


@st.composite
def udp(draw: st.DrawFn, ports: st.SearchStrategy[int], payload: st.SearchStrategy[bytes]) -> tuple[int, bytes]:
    content = draw(payload)
    length = draw(size(8 + len(content), 7, 8, 9))
    return 17, struct.pack(">HHHH", draw(number(16)), draw(ports), length, 0) + content


@cache
def chunk_value(fixed: int) -> st.SearchStrategy[bytes]:
    return st.one_of(exactly(fixed), exactly(fixed + 5), BYTES)


@st.composite
def sctp_chunk(draw: st.DrawFn) -> bytes:
    kind = draw(number(8, *range(15)))
    fixed = {SCTP_DATA: 12, SCTP_INIT: 16, SCTP_INIT_ACK: 16, SCTP_SACK: 12}.get(kind, 0)
    value = draw(chunk_value(fixed))
    length = draw(size(4 + len(value), 2, 3, 4, 5, 12, 13, 16))
    padding = bytes(draw(mostly(-len(value) % 4, 0, 1)))
    return struct.pack(">BBH", kind, draw(number(8, *range(8))), length) + value + padding


SCTP_CHUNKS = st.lists(sctp_chunk(), max_size=4)


@st.composite
def sctp(draw: st.DrawFn) -> tuple[int, bytes]:
    return 132, draw(exactly(12)) + b"".join(draw(SCTP_CHUNKS))


CHECK = st.binary(max_size=5).map(lambda raw: raw * 4)


@st.composite
def ah(draw: st.DrawFn) -> tuple[int, bytes]:
    protocol, body = draw(TRANSPORT)
    check = draw(CHECK)
    words = draw(number(8, *[len(check) // 4 + 1] * 8, 0))
    return 51, bytes([protocol, words]) + draw(exactly(10)) + check + body


VXLAN_PORTS = (4789, 8472)
GENEVE_PORT = 6081


@st.composite
def vxlan(draw: st.DrawFn) -> bytes:
    return draw(number(8, 0x08)).to_bytes(1, "big") + draw(exactly(7)) + draw(FRAME)


GENEVE_VALUE = st.sampled_from([0, 1, 1, 2, 31]).flatmap(lambda words: exactly(words * 4))


@st.composite
def geneve_option(draw: st.DrawFn) -> bytes:
    value = draw(GENEVE_VALUE)
    words = draw(number(8, *[len(value) // 4] * 8))
    number_, kind = draw(number(16, 0x100, 0x102)), draw(number(8, 1, 0x80, 0x81))
    return struct.pack(">HBB", number_, kind, words) + value


GENEVE_OPTIONS = st.lists(geneve_option(), max_size=3)


@st.composite
def geneve(draw: st.DrawFn) -> bytes:
    options = b"".join(draw(GENEVE_OPTIONS))
    words = draw(number(8, *[len(options) // 4 & 0xFF] * 8))
    content = b"\x65\x58" + draw(FRAME) if draw(st.booleans()) else draw(NETWORK)
    flags = draw(number(8, 0, 0x40, 0x80, 0xC0))
    return bytes([words, flags]) + content[:2] + draw(exactly(4)) + options + content[2:]


TRANSPORT: st.SearchStrategy[tuple[int, bytes]] = st.deferred(
    lambda: st.one_of(
        tcp(),
        udp(number(16, 0, 53), st.binary(max_size=8)),
        st.tuples(st.sampled_from([1, 58]), st.binary(max_size=12)),
        st.tuples(st.just(50), st.binary(max_size=16)),
        st.tuples(number(8, 2, 4, 17, 41, 47, 59, 60), st.binary(max_size=4)),
        sctp(),
        ah(),
        udp(st.sampled_from(VXLAN_PORTS), vxlan()),
        udp(st.just(GENEVE_PORT), geneve()),
    )
)


# What Ethernet carries.


IPV4_VERSION = st.sampled_from([0x40, 0x40, 0x40, 0x60, 0x00])


@st.composite
def ipv4(draw: st.DrawFn, transport: st.SearchStrategy[tuple[int, bytes]] = TRANSPORT) -> bytes:
    protocol, body = draw(transport)
    options = b""
    if draw(st.booleans()):
        options = draw(st.binary(max_size=40))
        options += bytes(-len(options) % 4)
    header_words = draw(mostly(5 + len(options) // 4, *range(16)))
    total = 20 + len(options) + len(body)
    header = struct.pack(
        ">BBHHHBBH4s4s",
        draw(IPV4_VERSION) | header_words,
        draw(st.integers(0, 255)),
        draw(size(total, 20, 27, 28, 40)),
        draw(number(16)),
        draw(number(16, 0, 0x4000, 0x2000, 0x1)),
        draw(st.integers(0, 255)),
        protocol,
        draw(st.integers(0, 65535)),
        draw(exactly(4)),
        draw(exactly(4)),
    )
    return b"\x08\x00" + header + options + body


EXTENSIONS = st.lists(st.sampled_from(EXTENSION_NUMBERS), max_size=3)
IPV6_VERSION = st.sampled_from([6, 6, 6, 4, 0])
IPV6_ADDRESS = st.one_of(
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0x0A0B]), min_size=8, max_size=8).map(
        lambda groups: struct.pack(">8H", *groups)
    ),
    exactly(4).map(lambda low: bytes(10) + b"\xff\xff" + low),
    exactly(4).map(lambda low: bytes(12) + low),
    exactly(16),
)


@st.composite
def ipv6(draw: st.DrawFn, transport: st.SearchStrategy[tuple[int, bytes]] = TRANSPORT) -> bytes:
    protocol, body = draw(transport)
    for extension in draw(EXTENSIONS):
        units = draw(st.integers(0, 2))
        body = bytes([protocol, units]) + draw(exactly(6 + units * 8)) + body
        protocol = extension
    version = draw(IPV6_VERSION)
    header = struct.pack(
        ">IHBB16s16s",
        version << 28 | draw(st.integers(0, (1 << 28) - 1)),
        draw(size(len(body), 8, 20)),
        protocol,
        draw(st.integers(0, 255)),
        draw(IPV6_ADDRESS),
        draw(IPV6_ADDRESS),
    )
    return b"\x86\xdd" + header + body


ARP_TARGET = st.one_of(st.just(bytes(6)), exactly(6))
ARP_TYPES = st.one_of(st.just(bytes.fromhex("000108000604")), exactly(6))


@st.composite
def arp(draw: st.DrawFn) -> bytes:
    operation = draw(number(16, 1, 2, 3, 4))
    target = draw(ARP_TARGET)
    types = draw(ARP_TYPES)
    return b"\x08\x06" + types + struct.pack(">H", operation) + draw(exactly(10)) + target + bytes(4)


@st.composite
def macsec(draw: st.DrawFn) -> bytes:
    control = draw(number(8, 0x00, 0x01, 0x10, 0x20, 0x40))
    identifier = draw(exactly(8)) if control & 0x20 else b""
    content = draw(MACSEC_CONTENT)
    return b"\x88\xe5" + bytes([control]) + draw(exactly(5)) + identifier + content


TAGS = st.lists(st.sampled_from(VLAN_TYPES), max_size=3)


@st.composite
def tagged(draw: st.DrawFn, packet: st.SearchStrategy[bytes]) -> bytes:
    data = draw(packet)
    for tag in draw(TAGS):
        data = struct.pack(">HH", tag, draw(st.integers(0, 65535))) + data
    return data


NETWORK: st.SearchStrategy[bytes] = st.deferred(lambda: st.one_of(ipv4(), ipv6(), arp(), macsec()))
MACSEC_CONTENT = st.one_of(NETWORK, number(16).map(lambda ethertype: ethertype.to_bytes(2, "big")))
FRAME: st.SearchStrategy[bytes] = tagged(NETWORK).map(lambda packet: bytes(12) + packet)


@st.composite
def captured(draw: st.DrawFn, packet: st.SearchStrategy[bytes]) -> bytes:
    """Put a packet in a frame; sometimes with VLAN tags, or cut short."""
    data = bytes(12) + draw(tagged(packet))
    if draw(st.booleans()):
        return data
    return data[: draw(st.integers(0, len(data)))]
