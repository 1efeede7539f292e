"""Packets to try filters on: many protocols, cut anywhere, tiny, long, and of random bytes."""

from __future__ import annotations

import random
from collections.abc import Iterator

from core.tests.filters.oracles import Sample
from core.tests.filters.pools import HOSTS, HOSTS6, LABELS, MACS, PORTS, VLANS
from scapy.contrib.geneve import GENEVE
from scapy.contrib.mpls import MPLS
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPOption_RR
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop
from scapy.layers.l2 import ARP, GRE, Dot1AD, Dot1Q, Ether
from scapy.layers.ppp import PPP, PPPoE
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

TAGS = (0x8100_0005, 0x88A8_0064, 0x8100_2005, 0x9100_0007, 0x8100_0000)


def ip_packets(rng: random.Random) -> Iterator[Packet]:
    """IP of all kinds, addresses and ports from the pools."""
    for transport in (
        TCP(sport=rng.choice(PORTS), dport=rng.choice(PORTS), flags=rng.choice("SAFRP")),
        UDP(sport=rng.choice(PORTS), dport=rng.choice(PORTS)),
        SCTP(sport=rng.choice(PORTS), dport=rng.choice(PORTS)),
        ICMP(type=rng.choice((0, 3, 8))),
        GRE() / IP(src=rng.choice(HOSTS), dst=rng.choice(HOSTS)) / ICMP(),
        UDP(dport=6081)
        / GENEVE(vni=5)
        / Ether(src=MACS[0], dst=MACS[1])
        / IP(dst=rng.choice(HOSTS))
        / TCP(dport=rng.choice(PORTS)),
    ):
        payload = Raw(rng.randbytes(rng.choice((0, 1, 20, 200))))
        source, target = rng.choice(HOSTS), rng.choice(HOSTS)
        options = [IPOption_RR(length=11, routers=["192.0.2.9", "1.2.3.4"])] if rng.random() < 0.3 else []
        fragment = rng.choice((0, 0, 0, 185))
        yield (
            IP(src=source, dst=target, tos=rng.choice((0, 0x10)), frag=fragment, options=options) / transport / payload
        )
        inner: Packet = IPv6(src=rng.choice(HOSTS6), dst=rng.choice(HOSTS6))
        if rng.random() < 0.2:
            inner /= IPv6ExtHdrHopByHop()
        if rng.random() < 0.2:
            inner /= IPv6ExtHdrFragment(offset=rng.choice((0, 10)))
        yield inner / (ICMPv6EchoRequest() if isinstance(transport, ICMP) else transport) / payload


def frames(rng: random.Random) -> Iterator[bytes]:
    """Each packet of :func:`ip_packets` under a link layer, and some without IP."""
    for packet in ip_packets(rng):
        ether = Ether(src=rng.choice(MACS), dst=rng.choice(MACS))
        kind = 0x86DD if isinstance(packet, IPv6) else 0x0800
        tag = Dot1Q(vlan=rng.choice(VLANS), type=kind)
        under = rng.choice(
            (
                *[ether] * 8,
                ether / tag,
                ether / Dot1AD(vlan=rng.choice(VLANS)) / tag,
                ether / MPLS(label=rng.choice(LABELS), s=0, ttl=9) / MPLS(label=rng.choice(LABELS), s=1, ttl=9),
                ether / MPLS(label=rng.choice(LABELS), s=1, ttl=9),
                ether / PPPoE(sessionid=5) / PPP(proto=0x57 if kind == 0x86DD else 0x21),
            )
        )
        yield bytes(under / packet)
    yield bytes(Ether(src=MACS[0], dst="ff:ff:ff:ff:ff:ff") / ARP(psrc=HOSTS[0], pdst=HOSTS[1]))
    yield bytes(Ether(src=MACS[0], dst=MACS[1]) / Dot1Q(vlan=VLANS[0]) / ARP(psrc=HOSTS[0], pdst=HOSTS[1], op=2))
    yield bytes(Ether(src=MACS[1], dst="01:80:c2:00:00:00", type=30) / Raw(b"\x42\x42\x03" + bytes(27)))


def samples(seed: int, *, raw: bool = False, rounds: int = 1) -> list[Sample]:
    """Packets, some cut, some with bytes that cannot be read, some with a tag beside them.

    Args:
        seed: The same gives the same.
        raw: They begin with IP.
        rounds: How many times 18 packets, or more.
    """
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    made: list[bytes] = []
    for _ in range(rounds):
        made += map(bytes, ip_packets(rng)) if raw else frames(rng)
        made += [rng.randbytes(rng.choice((0, 1, 11, 12, 13, 14, 20, 34, 60, 100, 300))) for _ in range(4)]
        # what filters ask for, and then anything: deep into a program
        head = (
            b"\x45" if raw else rng.randbytes(12) + rng.choice((b"\x08\x00\x45", b"\x86\xdd\x60", b"\x81\x00\x00\x05"))
        )
        made += [head + rng.randbytes(rng.choice((8, 40, 200))) for _ in range(3)]
    result = []
    for data in made:
        result.append(Sample(data, len(data)))
        cut = data[: rng.randrange(len(data) + 1)]
        result.append(Sample(cut, len(cut)))
        result.append(Sample(data, rng.randrange(len(data) + 1)))
        if not raw:
            result.append(Sample(data, len(data), rng.choice(TAGS)))
            result.append(Sample(cut, rng.randrange(len(cut) + 1), rng.choice(TAGS)))
    return result
