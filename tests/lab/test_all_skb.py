"""All functions that take a packet, for one ping through a tunnel and a translation of addresses: the same as pwru."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

import pytest
from tests.lab.pwru import Met, pwru, unexplained
from tests.lab.traffic import SIZE

from lab import roots
from lab.testrun import GUESTS_ENTER
from tracer_core.kernel.live import LiveKernel
from tracer_core.testing.namespace import Namespace
from tracer_core.testing.pytest_plugin import or_unavailable, unavailable
from tracer_core.testing.topology.nat import VIRTUAL
from tracer_core.testing.topology.site import ip, site, wait
from tracer_core.testing.topology.vxlan import PORT, VNI

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.topology.nat import Nat

pytestmark = pytest.mark.bpf

_EVENT = re.compile(r"(?P<time>\d+) \(\d+\) \[.*?\] \S+ \[k\] (?P<function>\S+)(?: #\S+ \(skb (?P<skb>\w+)\))?(?: .*)?")
ENDS = "kfree_skbmem"
PASSED = ("skb_scrub_packet", "ip_forward", "icmp_rcv", "icmp_echo", "udp_rcv", "ping_rcv", "skb_clone", ENDS)
"""Some of what the ping passes, whatever the kernel inlines."""


@pytest.fixture
def pwru_root(kernel: str) -> Path:
    """A root file system with pwru."""
    if kernel in ("5.10", "6.1"):
        pytest.skip(f"{kernel} does not offer kprobe-multi, and pwru attaches 20 kprobes a second")
    found = roots.find(GUESTS_ENTER)
    if found is None:
        unavailable("roots", f"there is no root file system of {GUESTS_ENTER}: python -m lab roots says why")
    return found.folder


@pytest.fixture
def tunnelled_netns(nat_netns: Nat) -> Nat:
    """The topology ``nat_netns``, whose client reaches its router through a VXLAN tunnel only."""
    net = nat_netns
    with or_unavailable(), site("unused") as building:
        ends = [(net.client, net.router, "198.18.0.1"), (net.router, net.client, "198.18.0.2")]
        for here, there, address in ends:
            tunnel = Namespace(here.name, "tunnel", address)
            kind = f"vxlan id {VNI} local {here.ipv4} remote {there.ipv4} dev {here.device} dstport {PORT}"
            building.device(tunnel, kind, missing="VXLAN devices (module vxlan)")
            building.up(tunnel)
            building.settle(tunnel, state="UNKNOWN")
    ip(f"-n {net.client.name} route replace default via 198.18.0.2")
    return net


def test_a_ping_meets_the_same_functions_in_the_same_order_as_pwru_says(
    tracer: Tracer, tunnelled_netns: Nat, pwru_root: Path, tmp_path: Path, shown: tuple[Block, ...]
) -> None:
    both, ours_alone = shown
    assert both.lines[:1] == ours_alone.lines
    commands = [shlex.split(line) for line in both.lines]
    (name, collect, *options), (oracle_name, *oracle_options) = commands
    assert (name, collect, oracle_name) == ("tracer", "collect", "pwru")
    client = tunnelled_netns.client
    ping = ["ping", "-n", "-c", "1", "-W", "20", "-s", str(SIZE), VIRTUAL]
    client.run(ping)  # neighbours are known from now on, and modules loaded
    # skb has something to say where a packet has no identity any more, and so its end is told, too
    with tracer.collect(*options) as collecting, pwru(pwru_root, tmp_path, oracle_options) as oracle:
        client.run(ping)
        collecting.stop()  # with all events of the ping, which has its answer; and the other one is slow beside us
        ours = met(collecting.stdout)
        ended = sum(one.function == ENDS for one in ours)
        wait(lambda: sum(one.function == ENDS for one in oracle.met()) >= ended, "pwru does not tell of the end", 20)
    theirs = oracle.met()
    assert set(PASSED) <= {one.function for one in theirs}
    assert unexplained(theirs, ours, LiveKernel().btf) == []


def met(text: str) -> list[Met]:
    """What tracer printed, in order of time."""
    found = [_EVENT.fullmatch(line) for line in text.splitlines()]
    events = sorted((match for match in found if match), key=lambda match: int(match["time"]))
    assert len(events) == len(found), text
    return [Met(match["function"], match["skb"] or "") for match in events]
