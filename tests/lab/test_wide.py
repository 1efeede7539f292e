"""Functions that stacks show are probed while a run goes on, and no event of the others is lost by it."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from scripts.pages.blocks import Block
    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

CONSUMED = "skb:consume_skb"
FOUND = ("ip_local_deliver_finish", "icmp_rcv")
"""What calls the function that frees a request, in every kernel."""

ENOUGH = 10  # pings

_EVENT = re.compile(
    r"^\d+ \(\d+\) \[.*?\] \d+(?:/\d+)? \[(?P<kind>\w+)\] (?P<symbol>\S+) #\w+ \(skb \w+\) (?P<packet>.*)$"
)


def test_functions_on_the_way_of_packets_become_probes_and_no_event_is_lost(
    two_netns: TwoNamespaces, tracer: Tracer, support: Support, shown: tuple[Block, ...]
) -> None:
    two = two_netns
    (block,) = shown
    _, _, *options = shlex.split(block.text)
    netns = ("--netns", two.a.name, "--netns", two.b.name)
    two.run(two.a, ["ping", "-c", "1", "-W", "20", two.b.ipv4])  # who does not know the other clones the packet
    count = 0  # of pings; the first of them show what there is to probe
    with tracer.collect(*options, *netns) as collecting:
        while not all(f" {name} #" in collecting.stdout for name in FOUND):
            two.run(two.a, ["ping", "-c", "1", "-W", "20", two.b.ipv4])
            count += 1
            collecting.wait_for(CONSUMED, count=count)
            assert count < ENOUGH, collecting.report()
        two.run(two.a, ["ping", "-c", "1", "-W", "20", two.b.ipv4])
        collecting.wait_for(CONSUMED, count=count + 1)
    events = [match for match in map(_EVENT.match, collecting.stdout.splitlines()) if match]
    assert len(events) == len(collecting.stdout.splitlines())
    symbols = [event["symbol"] for event in events]
    assert symbols.count(CONSUMED) == count + 1
    last = symbols[len(symbols) - 1 - symbols[-2::-1].index(CONSUMED) :]
    assert [symbol for symbol in last if symbol in FOUND] == list(FOUND)
    assert any("output" in symbol for symbol in last), last  # ip_output, or in older kernels ip_finish_output2
    assert last[-1] == CONSUMED
    assert all(times == 1 for times in Counter(last).values()), last
    assert ", 0 event(s) lost" in collecting.stderr
    assert re.search(r"^[1-9]\d* probe\(s\) added: ", collecting.stderr, re.MULTILINE)
    support.works("--probe-stack")
