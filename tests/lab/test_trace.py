"""Pings between two namespaces, as ``tracer collect`` shows them: which, where, in which order, in which words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import Namespace, TwoNamespaces

pytestmark = pytest.mark.bpf

RECEIVE, TRANSMIT = "net:netif_receive_skb", "net:net_dev_start_xmit"
SIZES = (56, 200, 1000)
HEADERS = 28  # bytes of IPv4 and ICMP
_EVENT = re.compile(r"^\d+ \(\d+\) \[.*\] \d+(?:/\d+)? \[tp\] (?P<symbol>\S+) (?P<packet>.*)$")
_IDENT = re.compile(r" id \d+ ")


def _line(source: Namespace, target: Namespace, length: int, *, reply: bool) -> str:
    flags = "" if reply else " [DF]"
    what = "type 0 code 0" if reply else "type 8 code 0"
    return f"{source.ipv4} > {target.ipv4} tos 0x0 ttl 64 off 0{flags} len {length} proto ICMP (1) {what}"


def _way_of_a_ping(two: TwoNamespaces, size: int) -> list[tuple[str, str]]:
    """What the request and its reply pass, with what they look like there."""
    request = _line(two.a, two.b, HEADERS + size, reply=False)
    reply = _line(two.b, two.a, HEADERS + size, reply=True)
    return [(TRANSMIT, request), (RECEIVE, request), (TRANSMIT, reply), (RECEIVE, reply)]


def _pings(text: str) -> list[tuple[str, str]]:
    """(symbol, packet) of ICMP over IPv4; the number that the sender chose as it liked is left out."""
    found = []
    for line in text.splitlines():
        event = _EVENT.match(line)
        assert event, f"unexpected line: {line!r}"
        if "proto ICMP (1)" in event["packet"]:
            found.append((event["symbol"], _IDENT.sub(" ", event["packet"])))
    return found


@pytest.mark.parametrize("reads", ["load", "probe"])
def test_every_ping_is_seen_where_it_passes_in_the_order_sent(
    tracer: Tracer, two_netns: TwoNamespaces, support: Support, reads: str
) -> None:
    two = two_netns
    namespaces = ("--netns", two.a.name, "--netns", two.b.name)
    probes = ("-p", f"tp:{RECEIVE}", "-p", f"tp:{TRANSMIT}")
    options = ("-c", "skb", *probes, *namespaces, "--format", "single-line", "--reads", reads)
    with tracer.collect(*options) as collecting:
        for size in SIZES:
            two.run(two.a, ["ping", "-c", "1", "-W", "20", "-s", str(size), two.b.ipv4])
        collecting.wait_for("type 0 code 0", count=2 * len(SIZES))
    assert collecting.exit_code == 0, collecting.report()
    assert _pings(collecting.stdout) == [step for size in SIZES for step in _way_of_a_ping(two, size)]
    support.works(f"tp, {'plain loads' if reads == 'load' else 'probe reads'}")
