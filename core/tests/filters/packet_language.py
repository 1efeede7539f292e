"""The language of packet filters, to be fuzzed: expressions, damaged ones, words and noise."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from core.tests.filters.expressions import collected, expressions, rare
from core.tests.filters.fuzz import Language
from core.tests.filters.mutations import mutated, noise, soup

from tracer_core.backend.abilities import LiveAbilities
from tracer_core.backend.bcc import BccBackend
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.filters.packet import packet_filter
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.types import Probe

_WORDS = r"""
and or not && || ! ( ) [ ] : + - * / % & | ^ << >> = == != < > <= >= len less greater
host net mask port portrange proto protochain gateway src dst inbound outbound ifname on rnr reason
ether link fddi tr wlan ip ip6 arp rarp tcp udp icmp icmp6 sctp igmp igrp pim vrrp carp ah esp
broadcast multicast vlan mpls pppoed pppoes geneve vxlan iso clnp esis isis l1 llc stp ipx netbeui
atalk aarp decnet lat sca moprc mopdl radio ppp slip type subtype dir addr1 ra ta lane vpi vci oam
tcp-syn tcpflags icmptype icmp-echo icmp6type action rset srnr \ip \tcp 192.0.2.1 10/8 2001:db8::1
02:00:00:00:00:01 80 443 0x800 1-100 65535 65536 255.255.255.0 192.0.2.0/33 ::/129 1.2.3 host-name
"""
WORDS = tuple(_WORDS.split())
_CHUNK = 100
_CLEAN = 0.4  # of expressions are as the grammar has them
_SENSELESS = 0.3  # texts that never were one, for each that was


def texts(seed: int) -> Iterator[str]:
    """Endless texts."""
    random = Random(seed)  # noqa: S311 - not for secrets
    while True:
        for text in collected(expressions | rare, _CHUNK, random.randrange(1 << 32)):
            yield text if random.random() < _CLEAN else mutated(random, text, WORDS)
            if random.random() < _SENSELESS:
                yield random.choice((soup, soup, soup, noise))(random, WORDS)


def take(text: str) -> None:
    """As the command line does."""
    packet_filter([text]).text()


def load(text: str) -> None:
    """As a run does."""
    kernel, machine, collector = LiveKernel(), running_machine(), Host().collector("skb")
    abilities = LiveAbilities(lambda: kernel.btf)
    wanted = Request((Probe.tracepoint("net:netif_receive_skb"),), abilities=abilities, filter=packet_filter([text]))
    made = plan([declare(collector, kernel, collector.spec.options())], wanted, kernel)
    with BccBackend(machine) as backend:
        backend.compile(made, compose(made, kernel, machine))
        backend.load()


LANGUAGE = Language(texts, take, load)
