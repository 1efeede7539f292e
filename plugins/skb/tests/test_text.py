"""The packet text, against examples that were checked with the PyPI `retis` library 1.7.0."""

import struct
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_skb.text import dispatch, format_packet

TRUNCATED = "... (truncated or incomplete packet)"
FAST = settings(derandomize=True, deadline=None, max_examples=500)


def ethernet(ethertype: int, payload: bytes) -> bytes:
    return bytes.fromhex("66778899aabb 001122334455") + struct.pack(">H", ethertype) + payload


def ipv4(protocol: int, body: bytes, *, tos: int = 0, fragment: int = 0, options: str = "") -> bytes:
    raw = bytes.fromhex(options)
    header = struct.pack(
        ">BBHHHBBH4s4s",
        0x45 + len(raw) // 4,
        tos,
        20 + len(raw) + len(body),
        1,
        fragment,
        64,
        protocol,
        0,
        bytes([10, 0, 0, 1]),
        bytes([10, 0, 0, 2]),
    )
    return ethernet(0x0800, header + raw + body)


def ipv6(next_header: int, body: bytes, *, first: int = 0x60000000, hops: int = 64) -> bytes:
    source = bytes.fromhex("fe80" + "00" * 13 + "01")
    destination = bytes.fromhex("ff02" + "00" * 13 + "01")
    header = struct.pack(">IHBB", first, len(body), next_header, hops)
    return ethernet(0x86DD, header + source + destination + body)


def tcp(flags: int, options: str = "", payload: bytes = b"") -> bytes:
    raw = bytes.fromhex(options)
    offset = 5 + len(raw) // 4
    return struct.pack(">HHIIHHI", 1234, 80, 5, 9, offset << 12 | flags, 8192, 0) + raw + payload


def udp(source: int, destination: int, payload: bytes) -> bytes:
    return struct.pack(">HHHH", source, destination, 8 + len(payload), 0) + payload


def arp(operation: int, target: str = "00" * 6) -> bytes:
    sender = bytes.fromhex("0102030405f6") + bytes([10, 0, 0, 1])
    header = struct.pack(">HHBBH", 1, 0x800, 6, 4, operation)
    return ethernet(0x0806, header + sender + bytes.fromhex(target) + bytes([10, 0, 0, 2]))


ECHO = bytes.fromhex("0800000000000000")
V4 = "10.0.0.1 > 10.0.0.2 tos 0x0 ttl 64 id 1 off 0"
V4_TCP = "10.0.0.1.1234 > 10.0.0.2.80 tos 0x0 ttl 64 id 1 off 0"

EXAMPLES = {
    "TCP with the options of a handshake": (
        ipv4(6, tcp(0x12, "020405b4 0402 080a0000000b00000016 01 030307")),
        f"{V4_TCP} len 60 proto TCP (6) flags [S.] seq 5 ack 9 win 8192 "
        "[mss 1460,sackOK,TS val 11 ecr 22,nop,wscale 7]",
    ),
    "TCP with payload and SACK blocks": (
        ipv4(6, tcp(0x18, "0101 0512 00000001000000020000000300000004", b"hello")),
        f"{V4_TCP} len 65 proto TCP (6) flags [P.] seq 5:10 ack 9 win 8192 [nop,nop,sack 2 {{1:2}}{{3:4}}]",
    ),
    "TCP Fast Open cookie": (
        ipv4(6, tcp(0x02, "220601ab0304 0101")),
        f"{V4_TCP} len 48 proto TCP (6) flags [S] seq 5 win 8192 [tfo cookie 0x010xab0x030x04,nop,nop]",
    ),
    "TCP header cut short": (
        ipv4(6, tcp(0x12))[:-1],
        f"{V4} len 40 proto TCP (6){TRUNCATED}",
    ),
    "UDP with DSCP, ECN and fragment flags": (
        ipv4(17, udp(53, 5353, b"abcd"), tos=0xB9, fragment=0x6000),
        "10.0.0.1.53 > 10.0.0.2.5353 tos 0x2e ECT(1) ttl 64 id 1 off 0 [DF,rsvd] len 32 proto UDP (17) len 4",
    ),
    "UDP fragment that has no header": (
        ipv4(17, b"\x00\x01\x00\x02\x00\x03\x00\x04", fragment=0x0001),
        "10.0.0.1.1 > 10.0.0.2.2 tos 0x0 ttl 64 id 1 off 8 len 28 proto UDP (17) len 0",
    ),
    "IPv4 options": (
        ipv4(1, ECHO, options="0704000094040000"),
        f"{V4} len 36 opts [Ipv4OptionNumber(7),Ipv4OptionNumber(20)] proto ICMP (1) type 8 code 0",
    ),
    "IPv4 options with an end of list": (
        ipv4(1, ECHO, options="0703009404000000"),
        f"{V4} len 36 opts [Ipv4OptionNumber(7),Ipv4OptionNumber(20),Ipv4OptionNumber(0)] proto ICMP (1) type 8 code 0",
    ),
    "IPv4 protocol that is not decoded": (
        ipv4(47, bytes(4)),
        f"{V4} len 24 proto GRE (47)... (protocol 0x2f not supported, use 'tracer pcap')",
    ),
    "IPv4 protocol without a name": (
        ipv4(200, bytes(4)),
        f"{V4} len 24 proto (200)... (protocol 0xc8 not supported, use 'tracer pcap')",
    ),
    "ICMPv6 behind a hop-by-hop header": (
        ipv6(0, bytes.fromhex("3a00010400000000 8f00000000000000"), first=0x60100ABC),
        "fe80::1 > ff02::1 ECT(1) ttl 64 label 0xabc len 16 exts [Hopopt] proto ICMPv6 (58) type 143 code 0",
    ),
    "IPv6 without a next header": (
        ipv6(59, b""),
        "fe80::1 > ff02::1 ttl 64 label 0x0",
    ),
    "IPv6 extension header cut short": (
        ipv6(0, bytes.fromhex("3a01")),
        f"fe80::1 > ff02::1 ttl 64 label 0x0 len 2 exts [Hopopt]{TRUNCATED}",
    ),
    "ARP request": (arp(1), "request who-has 10.0.0.2 tell 10.0.0.1"),
    "ARP request to a known neighbour": (
        arp(1, "000000000001"),
        "request who-has 10.0.0.2 (00:00:00:00:00:01) tell 10.0.0.1",
    ),
    "ARP reply": (arp(2), "reply 10.0.0.1 is-at 01:02:03:04:05:f6"),
    "reverse ARP request": (
        arp(3),
        "reverse request who-is 00:00:00:00:00:00 tell 01:02:03:04:05:f6",
    ),
    "reverse ARP reply": (arp(4), "reverse reply 00:00:00:00:00:00 at 10.0.0.2"),
    "ARP operation that is not decoded": (
        arp(9),
        "... (ARP operation 9 not supported, use 'tracer pcap')",
    ),
    "Ethernet type that is not decoded": (
        ethernet(0x88CC, b""),
        "... (ethertype 0x88cc not supported, use 'tracer pcap')",
    ),
    "nothing": (b"", TRUNCATED),
}


@pytest.mark.parametrize(("frame", "text"), EXAMPLES.values(), ids=EXAMPLES.keys())
def test_examples_have_the_text_that_retis_prints(frame: bytes, text: str) -> None:
    assert format_packet(frame) == text


MACS = "00:11:22:33:44:55 > 66:77:88:99:aa:bb"
PING = ipv4(1, ECHO)
PING_TEXT = f"{V4} len 28 proto ICMP (1) type 8 code 0"


def tagged(*tags: tuple[int, int], frame: bytes = PING) -> bytes:
    """Insert VLAN tags, outermost first: (Ethernet type of the tag, tag control information)."""
    return frame[:12] + b"".join(struct.pack(">HH", *tag) for tag in tags) + frame[12:]


def test_the_link_layer_comes_first_when_asked_for() -> None:
    assert format_packet(PING, link_layer=True) == f"{MACS} ethertype IPv4 (0x0800) {PING_TEXT}"


def test_the_link_layer_shows_each_vlan_tag() -> None:
    frame = tagged((0x88A8, 0x0001), (0x8100, 0x700A))
    assert format_packet(frame, link_layer=True) == (
        f"{MACS} ethertype 802.1Q-QinQ (0x88a8) vlan 1 p 0 ethertype 802.1Q (0x8100) "
        f"vlan 10 p 3 DEI ethertype IPv4 (0x0800) {PING_TEXT}"
    )


def test_a_type_without_a_name_inside_a_vlan_shows_its_number() -> None:
    frame = tagged((0x8100, 10), frame=ethernet(0x1234, b""))
    assert format_packet(frame, link_layer=True) == (
        f"{MACS} ethertype 802.1Q (0x8100) vlan 10 p 0 ethertype (0x1234) "
        "... (ethertype 0x1234 not supported, use 'tracer pcap')"
    )


def test_an_outer_type_without_a_name_prints_no_link_layer() -> None:
    text = format_packet(ethernet(0x1234, b""), link_layer=True)
    assert text == "... (ethertype 0x1234 not supported, use 'tracer pcap')"


def test_a_vlan_tag_cut_short_keeps_the_link_layer_before_it() -> None:
    text = format_packet(tagged((0x8100, 10))[:17], link_layer=True)
    assert text == f"{MACS} ethertype 802.1Q (0x8100){TRUNCATED}"


def test_vlan_tags_are_skipped_without_the_link_layer() -> None:
    assert format_packet(tagged((0x9100, 1), (0x88A8, 2), (0x8100, 3))) == PING_TEXT


def test_protocols_of_a_later_step_are_not_supported_for_now() -> None:
    pcap = "not supported, use 'tracer pcap')"
    texts = {
        132: f"{V4} len 60 proto SCTP (132)... (protocol 0x84 {pcap}",
        50: f"{V4} len 60 proto ESP (50)... (protocol 0x32 {pcap}",
        51: f"{V4} len 60 proto AH (51)... (protocol 0x33 {pcap}",
    }
    assert {number: format_packet(ipv4(number, bytes(40))) for number in texts} == texts
    macsec = format_packet(ethernet(0x88E5, bytes(40)))
    assert macsec == f"... (ethertype 0x88e5 {pcap}"


@pytest.fixture
def tunnel_port() -> Iterator[int]:
    port = 4242
    yield port
    dispatch.UDP_PORTS.pop(port, None)


def test_a_udp_tunnel_can_register_for_its_port(tunnel_port: int) -> None:
    @dispatch.udp_port(tunnel_port)
    def format_tunnel(data: bytes, length: int, link_layer: bool) -> str:
        return f" tunnel {data!r} of {length} {link_layer}"

    # The last byte of the payload was not captured.
    text = format_packet(ipv4(17, udp(1, tunnel_port, b"abcd"))[:-1])
    assert text.endswith(" proto UDP (17) len 4 tunnel b'abc' of 4 False")


def test_a_memoryview_gives_the_text_of_its_bytes() -> None:
    assert format_packet(memoryview(b"x" + PING)[1:]) == PING_TEXT


DECODED_TYPES = st.sampled_from([0x0800, 0x0806, 0x86DD, 0x8100, 0x88A8, 0x9100, 0x88E5])
FRAMES = st.one_of(
    st.binary(max_size=300),
    st.builds(ethernet, DECODED_TYPES, st.binary(max_size=255)),
    st.builds(ipv4, st.integers(0, 255), st.binary(max_size=120)),
    st.builds(
        # Cut short, so that an option can end before its length.
        lambda options, size: ipv4(6, tcp(2, options), options=options)[:size],
        st.binary(min_size=4, max_size=4).map(bytes.hex),
        st.integers(30, 64),
    ),
    st.builds(ipv6, st.integers(0, 255), st.binary(max_size=120)),
)


@FAST
@given(frame=FRAMES, link_layer=st.booleans())
def test_any_bytes_give_one_line(frame: bytes, link_layer: bool) -> None:
    text = format_packet(frame, link_layer=link_layer)
    assert text
    assert text.isprintable()


@FAST
@given(frame=FRAMES)
def test_the_link_layer_adds_to_the_text_and_changes_nothing_of_it(frame: bytes) -> None:
    assert format_packet(frame, link_layer=True).endswith(format_packet(frame))
