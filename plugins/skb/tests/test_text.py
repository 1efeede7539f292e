"""The packet text, against examples that were checked with the PyPI `retis` library 1.7.0."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plugins.skb.tests import packets
from plugins.skb.tests.frames import (
    ECHO,
    PING,
    PING_TEXT,
    V4,
    V4_TCP,
    arp,
    ethernet,
    geneve,
    ipv4,
    ipv6,
    macsec,
    sctp,
    tagged,
    tcp,
    udp,
    vxlan,
)

from tracer_skb.text import dispatch, format_packet

TRUNCATED = "... (truncated or incomplete packet)"
FAST = settings(max_examples=500)

V4_REST = V4.removeprefix("10.0.0.1 > 10.0.0.2")
V4_SCTP = f"10.0.0.1.1 > 10.0.0.2.2{V4_REST}"
V4_VXLAN = f"10.0.0.1.999 > 10.0.0.2.4789{V4_REST}"
V4_GENEVE = f"10.0.0.1.999 > 10.0.0.2.6081{V4_REST}"

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
    "SCTP data": (
        ipv4(132, sctp("00030018 00000001 00020003 00000004 6162636465666768")),
        f"{V4_SCTP} len 56 proto SCTP (132) vtag 0xdead [DATA (BE) TSN 1 SID 2 SSEQ 3 PPID 0x4]",
    ),
    "SCTP chunks of several types": (
        ipv4(132, sctp("0b000004 03000010 00000001 00000002 00030004 c1000005 ff000000")),
        f"{V4_SCTP} len 60 proto SCTP (132) vtag 0xdead [COOKIE_ACK] "
        "[SACK cum_ack 1 a_rwnd 2 #gap_acks 3 #dup_tsns 4] [UNKNOWN:193]",
    ),
    "SCTP chunk that says that it is empty": (
        ipv4(132, sctp("04000000 0c000004")),
        f"{V4_SCTP} len 40 proto SCTP (132) vtag 0xdead [HEARTBEAT] [ECNE]{TRUNCATED}",
    ),
    "SCTP header cut short": (
        ipv4(132, sctp(""))[:-1],
        f"{V4} len 32 proto SCTP (132){TRUNCATED}",
    ),
    "ESP": (
        ipv4(50, bytes.fromhex("0000abcd 00000010 aabbccdd")),
        f"{V4} len 32 proto ESP (50) spi 0x0000abcd seq 0x10",
    ),
    "AH, and what follows it": (
        ipv4(51, bytes.fromhex("01040000 0000abcd 00000010 aabbccdd 11223344 55667788") + ECHO),
        f"{V4} len 52 proto AH (51) spi 0x0000abcd seq 0x10 icv 0xaabbccdd1122334455667788 "
        "proto ICMP (1) type 8 code 0",
    ),
    "AH cut short": (
        ipv4(51, bytes.fromhex("01040000 0000abcd 00000010 aabbccdd 11223344 55667788") + ECHO)[:47],
        f"{V4} len 52 proto AH (51) spi 0x0000abcd seq 0x10 icv 0xaa proto ICMP (1){TRUNCATED}",
    ),
    "VXLAN": (vxlan(PING), f"{V4_VXLAN} len 78 proto UDP (17) len 50 vxlan [I] vni 0x2a {PING_TEXT}"),
    "VXLAN in VXLAN": (
        vxlan(vxlan(PING)),
        f"{V4_VXLAN} len 128 proto UDP (17) len 100 vxlan [I] vni 0x2a "
        f"{V4_VXLAN} len 78 proto UDP (17) len 50 vxlan [I] vni 0x2a {PING_TEXT}",
    ),
    "VXLAN on the port of Linux, inner frame cut short": (
        vxlan(PING, port=8472)[:63],
        f"10.0.0.1.999 > 10.0.0.2.8472{V4_REST} len 78 proto UDP (17) len 50 vxlan [I] vni 0x2a {TRUNCATED}",
    ),
    "Geneve with options": (
        geneve("05c06558 00000700 01028001 aabbccdd 01000101 0708090a 01020000", PING),
        f"{V4_GENEVE} len 98 proto UDP (17) len 70 geneve [OC] vni 0x7 [class 0x102 type 0x80(C) len 4,"
        f"class 0x100 type 0x1 len 4 (proto 3 v6 nh 8 tp 9 hlen 10),class 0x102 type 0x0 len 0] {PING_TEXT}",
    ),
    "Geneve without Ethernet": (
        geneve("00000800 00000700", PING[14:]),
        f"{V4_GENEVE} len 64 proto UDP (17) len 36 geneve [] vni 0x7 {PING_TEXT}",
    ),
    "Geneve with what is not decoded": (
        geneve("00008100 00000700", b""),
        f"{V4_GENEVE} len 36 proto UDP (17) len 8 geneve [] vni 0x7 "
        "... (ethertype 0x8100 not supported, use 'tracer pcap')",
    ),
    "MACsec, integrity only": (macsec("20 00 00000001 0011223344550001", PING[12:]), PING_TEXT),
    "MACsec, encrypted": (macsec("2c 00 00000001 0011223344550001", b"?"), "802.1AE MACsec frame"),
    "MACsec without a payload": (macsec("00 00 00000001", b"\x08"), TRUNCATED),
    "MACsec in MACsec in a VLAN": (
        tagged((0x8100, 10), frame=macsec("00 00 00000001 88e5 00 00 00000002", tagged((0x8100, 11))[12:])),
        PING_TEXT,
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


def test_vlan_tags_are_skipped_without_the_link_layer() -> None:
    assert format_packet(tagged((0x9100, 1), (0x88A8, 2), (0x8100, 3))) == PING_TEXT


@pytest.fixture
def tunnel_port() -> Iterator[int]:
    port = 4242
    yield port
    dispatch.UDP_PORTS.pop(port, None)


def test_a_udp_tunnel_can_register_for_its_port(tunnel_port: int) -> None:
    @dispatch.udp_port(tunnel_port)
    def format_tunnel(data: bytes, at: int, end: int, link_layer: bool, inner: dispatch.Inner) -> str:
        inner.append(lambda: f" and {link_layer}")
        return f" tunnel {data[at:]!r} of {end - at}"

    # The last byte of the payload was not captured.
    text = format_packet(ipv4(17, udp(1, tunnel_port, b"abcd"))[:-1])
    assert text.endswith(" proto UDP (17) len 4 tunnel b'abc' of 4 and False")


def test_a_memoryview_gives_the_text_of_its_bytes() -> None:
    assert format_packet(memoryview(b"x" + PING)[1:]) == PING_TEXT


def test_nesting_needs_no_stack() -> None:
    # 64 KiB of each: far more levels than Python allows calls.
    frame = ethernet(0x0800, PING[14:])
    while len(frame) < 0xFF00:
        frame = vxlan(frame)
    assert format_packet(frame).count(" vxlan ") == 1305
    header = bytes.fromhex("33010000 00000001 00000002")
    assert format_packet(ipv4(51, header * 5400)).count(" spi ") == 5400
    assert format_packet(macsec("00 00 00000001" + "88e5 0000 00000001" * 8000, PING[12:])) == PING_TEXT


ARBITRARY_FRAMES = st.one_of(st.binary(max_size=300), packets.captured(packets.NETWORK))


@FAST
@given(frame=ARBITRARY_FRAMES, link_layer=st.booleans())
def test_any_bytes_give_one_line(frame: bytes, link_layer: bool) -> None:
    text = format_packet(frame, link_layer=link_layer)
    assert text
    assert text.isprintable()
