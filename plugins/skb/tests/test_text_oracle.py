"""The packet text, compared with what the PyPI `retis` library prints for the same bytes.

The library is a black box that reads event files, so packets go through it in batches. All
differences that `tracer_skb.text` lists are handled in `differs`, and nowhere else.
"""

import base64
import functools
import json
import random
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import retis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tracer_skb.text import format_packet

Compare = Callable[[Sequence[bytes]], None]

TRUNCATED = "... (truncated or incomplete packet)"
UDP_TUNNELS = (4789, 8472, 6081)
LATER = (
    "(protocol 0x84 not supported",  # SCTP
    "(protocol 0x32 not supported",  # ESP
    "(protocol 0x33 not supported",  # AH
    "(ethertype 0x88e5 not supported",  # MACsec
)
STARTUP = {
    "common": {"timestamp": 1},
    "startup": {
        "retis_version": "v1.7.0",
        "cmdline": "test",
        "clock_monotonic_offset": {"sec": 0, "nsec": 0},
        "machine": {"kernel_release": "", "kernel_version": "", "hardware_name": ""},
    },
}
STEADY = settings(
    derandomize=True,
    deadline=None,
    max_examples=120,
    # No shrinking: it takes minutes, and the failing frame is shown with both texts anyway.
    phases=[Phase.explicit, Phase.generate],
    # The directory is only scratch space, the same for all examples.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
PER_EXAMPLE = 12


def packet_event(frame: bytes, length: int | None = None) -> dict[str, object]:
    return {
        "common": {"timestamp": 1},
        "packet": {
            "len": len(frame) if length is None else length,
            "capture_len": len(frame),
            "data": base64.b64encode(frame).decode(),
        },
    }


def retis_texts(path: Path, events: Sequence[dict[str, object]]) -> list[str | None]:
    """Return the packet text of each event; None where the library panics."""
    path.write_text("".join(json.dumps(event) + "\n" for event in [STARTUP, *events]))
    texts: list[str | None] = []
    for event in list(retis.EventReader(str(path)))[1:]:
        try:
            _, text = str(event).split("\n  ", 1)
        except BaseException as error:  # PanicException is no Exception
            if type(error).__name__ != "PanicException":
                raise
            texts.append(None)
        else:
            texts.append(text)
    assert len(texts) == len(events)
    return texts


def differs(ours: str, theirs: str | None) -> bool:
    """Tell whether the texts differ in a way that `tracer_skb.text` does not list."""
    if theirs is None:
        return not (" exts [" in ours and ours.endswith(TRUNCATED))
    if any(later in ours for later in LATER):
        return False
    return ours != theirs.replace("use 'retis pcap'", "use 'tracer pcap'")


@pytest.fixture
def assert_same(tmp_path: Path) -> Compare:
    def compare(frames: Sequence[bytes]) -> None:
        theirs = retis_texts(tmp_path / "events.json", [packet_event(frame) for frame in frames])
        differences = [
            (frame.hex(), ours, text)
            for frame, ours, text in zip(frames, map(format_packet, frames), theirs, strict=True)
            if differs(ours, text)
        ]
        assert differences == []

    return compare


# Strategies. Numbers that mean something are frequent, all others possible.


def number(bits: int, *frequent: int) -> st.SearchStrategy[int]:
    return st.one_of(st.sampled_from(frequent or (0,)), st.integers(0, (1 << bits) - 1))


@st.composite
def tcp_option(draw: st.DrawFn) -> bytes:
    kind = draw(number(8, *range(9), 11, 12, 13, 19, 20, 28, 29, 30, 34, 253, 254))
    if kind < 2:
        return bytes([kind])
    value = draw(st.binary(max_size=20))
    sizes = [len(value) + 2] * 8 + [0, 1, 2, 3, 10, 18, 40, 255]
    return bytes([kind, draw(st.sampled_from(sizes))]) + value


@st.composite
def tcp(draw: st.DrawFn) -> bytes:
    options = b"".join(draw(st.lists(tcp_option(), max_size=5)))[:40]
    options += bytes([draw(st.sampled_from([0, 1]))]) * (-len(options) % 4)
    offset = draw(st.sampled_from([5 + len(options) // 4] * 8 + list(range(16))))
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
    return header + options + draw(st.binary(max_size=8))


@st.composite
def udp(draw: st.DrawFn) -> bytes:
    destination = draw(number(16, 0, 53).filter(lambda port: port not in UDP_TUNNELS))
    payload = draw(st.binary(max_size=8))
    length = draw(number(16, *[8 + len(payload)] * 4, 0, 7, 8, 9))
    return struct.pack(">HHHH", draw(number(16)), destination, length, 0) + payload


def transport() -> st.SearchStrategy[tuple[int, bytes]]:
    return st.one_of(
        st.tuples(st.just(6), tcp()),
        st.tuples(st.just(17), udp()),
        st.tuples(st.sampled_from([1, 58]), st.binary(max_size=12)),
        # Not with random bytes as a UDP header: those could be addressed to a tunnel.
        st.tuples(number(8, 2, 4, 41, 47, 59, 60).filter(lambda n: n != 17), st.binary(max_size=4)),
    )


@st.composite
def ipv4(draw: st.DrawFn) -> bytes:
    protocol, body = draw(transport())
    options = b""
    # The bytes behind a wrong header length become ports, so UDP always has a right one.
    header_words = 5
    if draw(st.booleans()):
        options = draw(st.binary(max_size=40))
        options += bytes(-len(options) % 4)
        header_words += len(options) // 4
    if protocol != 17:
        header_words = draw(st.sampled_from([header_words] * 8 + list(range(16))))
    total = 20 + len(options) + len(body)
    header = struct.pack(
        ">BBHHHBBH4s4s",
        draw(st.sampled_from([0x40, 0x40, 0x40, 0x60, 0x00])) | header_words,
        draw(st.integers(0, 255)),
        draw(number(16, *[total] * 8, 0, 1, 20, 27, 28, 40, total - 1, total + 9)),
        draw(number(16)),
        draw(number(16, 0, 0x4000, 0x2000, 0x1)),
        draw(st.integers(0, 255)),
        protocol,
        draw(st.integers(0, 65535)),
        draw(st.binary(min_size=4, max_size=4)),
        draw(st.binary(min_size=4, max_size=4)),
    )
    return b"\x08\x00" + header + options + body


IPV6_ADDRESS = st.one_of(
    st.lists(st.sampled_from([0, 0, 0, 1, 0xFFFF, 0x0A0B]), min_size=8, max_size=8).map(
        lambda groups: struct.pack(">8H", *groups)
    ),
    st.binary(min_size=4, max_size=4).map(lambda low: bytes(10) + b"\xff\xff" + low),
    st.binary(min_size=4, max_size=4).map(lambda low: bytes(12) + low),
    st.binary(min_size=16, max_size=16),
)
EXTENSION_NUMBERS = (0, 43, 44, 50, 51, 60, 135, 139, 140, 253, 254)


@st.composite
def ipv6(draw: st.DrawFn) -> bytes:
    protocol, body = draw(transport())
    for extension in draw(st.lists(st.sampled_from(EXTENSION_NUMBERS), max_size=3)):
        units = draw(st.integers(0, 2))
        filling = draw(st.binary(min_size=6 + units * 8, max_size=6 + units * 8))
        body = bytes([protocol, units]) + filling + body
        protocol = extension
    version = draw(st.sampled_from([6, 6, 6, 4, 0]))
    length = draw(number(16, *[len(body)] * 8, 0, 1, 8, 20, max(len(body) - 1, 0), len(body) + 9))
    header = struct.pack(
        ">IHBB16s16s",
        version << 28 | draw(st.integers(0, (1 << 28) - 1)),
        length,
        protocol,
        draw(st.integers(0, 255)),
        draw(IPV6_ADDRESS),
        draw(IPV6_ADDRESS),
    )
    return b"\x86\xdd" + header + body


@st.composite
def arp(draw: st.DrawFn) -> bytes:
    operation = draw(number(16, 1, 2, 3, 4))
    target = draw(st.one_of(st.just(bytes(6)), st.binary(min_size=6, max_size=6)))
    sender = draw(st.binary(min_size=10, max_size=10))
    types = draw(st.one_of(st.just(bytes.fromhex("000108000604")), st.binary(min_size=6, max_size=6)))
    return b"\x08\x06" + types + struct.pack(">H", operation) + sender + target + bytes(4)


@st.composite
def frame_of(draw: st.DrawFn, packet: st.SearchStrategy[bytes]) -> bytes:
    """Put what starts at the Ethernet type in a frame; sometimes with VLAN tags, or cut short."""
    data = draw(packet)
    for tag in draw(st.lists(st.sampled_from([0x8100, 0x88A8, 0x9100]), max_size=3)):
        data = struct.pack(">HH", tag, draw(st.integers(0, 65535))) + data
    data = bytes(12) + data
    if draw(st.booleans()):
        return data
    return data[: draw(st.integers(0, len(data)))]


def batches(packet: st.SearchStrategy[bytes]) -> st.SearchStrategy[list[bytes]]:
    return st.lists(frame_of(packet), min_size=PER_EXAMPLE, max_size=PER_EXAMPLE)


@STEADY
@given(frames=batches(ipv4()))
def test_ipv4_packets_have_the_text_of_retis(assert_same: Compare, frames: list[bytes]) -> None:
    assert_same(frames)


@STEADY
@given(frames=batches(ipv6()))
def test_ipv6_packets_have_the_text_of_retis(assert_same: Compare, frames: list[bytes]) -> None:
    assert_same(frames)


@settings(STEADY, max_examples=40)
@given(frames=batches(arp()))
def test_arp_packets_have_the_text_of_retis(assert_same: Compare, frames: list[bytes]) -> None:
    assert_same(frames)


def test_random_bytes_behind_a_known_type_have_the_text_of_retis(assert_same: Compare) -> None:
    rng = random.Random(7)  # noqa: S311 - a fixed seed is what a test wants
    types = [0x0800, 0x86DD, 0x0806, 0x8100, 0x88A8, 0x9100]
    protocols = [1, 6, 58, *EXTENSION_NUMBERS]
    frames = []
    for _ in range(6000):
        ethertype = rng.choice(types)
        body = bytearray(rng.randbytes(rng.randrange(120)))
        protocol_at = {0x0800: 9, 0x86DD: 6}.get(ethertype)
        if protocol_at is not None and len(body) > protocol_at:
            body[protocol_at] = rng.choice(protocols)
        frames.append(rng.randbytes(12) + struct.pack(">H", ethertype) + bytes(body))
    assert_same(frames)


def test_every_ethernet_type_has_the_text_of_retis(assert_same: Compare) -> None:
    assert_same([bytes(12) + struct.pack(">H", ethertype) for ethertype in range(0x10000)])


def test_every_ip_protocol_has_the_text_of_retis(assert_same: Compare) -> None:
    v4 = struct.pack(">BBHHHBxH8x", 0x45, 0, 60, 1, 0, 64, 0)
    v6 = struct.pack(">IHxB32x", 6 << 28, 40, 64)
    frames = []
    for protocol in range(256):
        number_byte = bytes([protocol])
        frames.append(bytes(12) + b"\x08\x00" + v4[:9] + number_byte + v4[10:] + bytes(40))
        frames.append(bytes(12) + b"\x86\xdd" + v6[:6] + number_byte + v6[7:] + bytes(40))
    assert_same(frames)


def test_every_tcp_option_of_every_size_has_the_text_of_retis(assert_same: Compare) -> None:
    frames = []
    for kind in range(256):
        for size in (0, 1, 2, 3, 4, 6, 10, 18, 19, 34, 255):
            option = bytes([kind, size, *range(1, max(size, 2) - 1)])[:40]
            option += b"\x01" * (-len(option) % 4)
            offset_flags = (5 + len(option) // 4) << 12
            segment = struct.pack(">12xH6x", offset_flags) + option
            header = struct.pack(">BxH5xB10x", 0x45, 20 + len(segment), 6)
            frames.append(bytes(12) + b"\x08\x00" + header + segment)
    assert_same(frames)


@functools.cache
def realistic_frames() -> list[bytes]:
    """Packets as real ones are, by scapy, which builds them independently of this module."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, at import
        from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_Timestamp
        from scapy.layers.inet6 import (
            ICMPv6EchoRequest,
            ICMPv6ND_NS,
            IPv6,
            IPv6ExtHdrDestOpt,
            IPv6ExtHdrFragment,
            IPv6ExtHdrHopByHop,
            IPv6ExtHdrRouting,
        )
        from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
        from scapy.packet import Packet, Raw

    timestamps = ("Timestamp", (0x01020304, 0x05060708))
    handshake = [("MSS", 1460), ("SAckOK", b""), timestamps, ("NOP", None), ("WScale", 7)]
    established = [("NOP", None), ("NOP", None), timestamps]
    selective = [*established, ("NOP", None), ("NOP", None), ("SAck", (10, 20, 30, 40))]
    v4 = IP(src="192.0.2.1", dst="198.51.100.2", id=7, flags="DF", tos=0xBA)
    v6 = IPv6(src="2001:db8::1", dst="2001:db8::2", fl=0xABCDE, tc=3)
    packets: list[Packet] = []
    for ip in (v4, v6):
        packets += [
            ip / TCP(flags="S", options=handshake),
            ip / TCP(flags="SAEC", options=handshake),
            ip / TCP(flags="A", options=established),
            ip / TCP(flags="A", options=selective),
            ip / TCP(flags="PA", options=established) / Raw(b"x" * 100),
            ip / TCP(flags="FA", options=[("TFO", (1, 2)), ("EOL", None)]),
            ip / TCP(flags="R"),
            ip / UDP(sport=53, dport=5353) / Raw(b"x" * 30),
        ]
    packets += [
        v4 / ICMP(type=3, code=1) / Raw(b"x" * 28),
        IP(options=[IPOption_Timestamp()]) / ICMP(),
        IP(flags="MF", frag=0) / UDP() / Raw(b"x" * 8),
        IP(frag=185) / Raw(b"x" * 40),
        v6 / ICMPv6EchoRequest(),
        v6 / ICMPv6ND_NS(tgt="2001:db8::3"),
        v6 / IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / TCP(flags="S", options=handshake),
        v6 / IPv6ExtHdrRouting(addresses=["2001:db8::4"]) / UDP(dport=9) / Raw(b"x"),
        v6 / IPv6ExtHdrFragment(offset=10, m=1, nh=17) / Raw(bytes(16)),
        ARP(op=1, psrc="192.0.2.1", pdst="192.0.2.2"),
        ARP(op=2, psrc="192.0.2.1", pdst="192.0.2.2"),
    ]
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    stacks: list[Packet] = [link, link / Dot1Q(vlan=10), link / Dot1AD() / Dot1Q()]
    return [bytes(stack / packet) for stack in stacks for packet in packets]


def test_realistic_packets_have_the_text_of_retis(assert_same: Compare) -> None:
    assert_same(realistic_frames())


def test_packets_captured_to_any_length_have_the_text_of_retis(assert_same: Compare) -> None:
    assert_same([frame[:size] for frame in realistic_frames() for size in range(len(frame))])


def test_the_length_before_capture_does_not_matter_to_retis(tmp_path: Path) -> None:
    frame = realistic_frames()[0]
    events = [packet_event(frame, length) for length in (0, 1, 54, len(frame), 1500, 0xFFFFFFFF)]
    assert len(set(retis_texts(tmp_path / "events.json", events))) == 1
