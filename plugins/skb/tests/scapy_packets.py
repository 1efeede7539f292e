"""Packets as real ones are, by scapy, which builds them independently of the code under test."""

import functools
import warnings


@functools.cache
def realistic_frames() -> list[bytes]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, at import
        from scapy.contrib.macsec import MACsec
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
        from scapy.layers.ipsec import AH, ESP
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
            ip / ESP(spi=0xABCD, seq=9, data=b"x" * 20),
            ip / AH(spi=0xABCD, seq=9, icv=b"x" * 12) / TCP(flags="A", options=established),
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
        MACsec(type=0x0800, PN=7, SC=1, SCI=b"\x02" * 8) / v4 / TCP(flags="S", options=handshake),
        MACsec(type=0x86DD, PN=7, AN=2, ES=1) / v6 / ICMPv6EchoRequest(),
        MACsec(PN=7, SC=1, SCI=b"\x02" * 8, E=1, C=1) / Raw(b"x" * 40),
    ]
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    stacks: list[Packet] = [link, link / Dot1Q(vlan=10), link / Dot1AD() / Dot1Q()]
    return [bytes(stack / packet) for stack in stacks for packet in packets]


@functools.cache
def realistic_tunnels() -> list[bytes]:
    """Tunnels, and SCTP, which is as varied as they are."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from scapy.contrib.geneve import GENEVE, GeneveOptions
        from scapy.layers.inet import IP, TCP, UDP
        from scapy.layers.inet6 import IPv6
        from scapy.layers.l2 import ARP, Dot1Q, Ether
        from scapy.layers.sctp import (
            SCTP,
            SCTPChunkCookieAck,
            SCTPChunkCookieEcho,
            SCTPChunkData,
            SCTPChunkHeartbeatReq,
            SCTPChunkInit,
            SCTPChunkInitAck,
            SCTPChunkSACK,
            SCTPChunkShutdown,
        )
        from scapy.layers.vxlan import VXLAN
        from scapy.packet import Packet

    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    v4 = IP(src="192.0.2.1", dst="198.51.100.2", id=7)
    v6 = IPv6(src="2001:db8::1", dst="2001:db8::2", fl=0xABCDE, tc=3)
    established = [("NOP", None), ("NOP", None), ("Timestamp", (1, 2))]
    contents: list[Packet] = [v4 / TCP(flags="A", options=established), v6 / TCP(flags="S"), ARP(op=1)]
    option = GeneveOptions(classid=0x102, type=0x80, data=b"x" * 4)
    hint = GeneveOptions(classid=0x100, type=1, data=b"\x06\x0e\x22\x08")
    tunnels: list[Packet] = [
        UDP(sport=9, dport=4789) / VXLAN(vni=42) / link,
        UDP(sport=9, dport=8472) / VXLAN(vni=42, flags=0) / link / Dot1Q(vlan=3),
        UDP(sport=9) / GENEVE(vni=42, options=[]) / link,
        UDP(sport=9) / GENEVE(vni=42, critical=1, options=[option, hint]) / link,
        UDP(dport=4789) / VXLAN(vni=1) / link / v6 / UDP() / GENEVE(vni=2) / link,
    ]
    chunks: list[Packet] = [
        SCTPChunkInit(init_tag=7),
        SCTPChunkInitAck(init_tag=7),
        SCTPChunkCookieEcho(cookie=b"x" * 9),
        SCTPChunkCookieAck() / SCTPChunkData(data=b"x" * 5) / SCTPChunkData(data=b"x", beginning=1),
        SCTPChunkSACK(gap_ack_list=["1:2"], dup_tsn_list=[3]),
        SCTPChunkHeartbeatReq(),
        SCTPChunkShutdown(),
    ]
    bodies = [tunnel / content for tunnel in tunnels for content in contents]
    bodies += [SCTP(sport=1, dport=2, tag=0xDEAD) / chunk for chunk in chunks]
    return [bytes(link / ip / body) for ip in (v4, v6) for body in bodies]
