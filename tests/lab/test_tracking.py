"""Packets whose data moves while they are traced, in guests whose kernels let functions be probed."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from tests.tracking import CONSUME, RECEIVE, TRANSMIT, Traffic, identity, packet, sightings, skb, tracing

from tracer_core.sections import Return
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from tests.lab.support import Support

    from tracer_core.sections import Event
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.bridge import Bridge
    from tracer_core.testing.topology.vxlan import Vxlan

pytestmark = pytest.mark.bpf

WAYS = ("fentry", "kprobe", "kprobe-multi")
MARK = b"a mark of tests of tracking in the lab"
_ETH_P_ALL = 3


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, kernel: str) -> str:
    """How functions are probed."""
    if request.param == "kprobe-multi" and kernel in ("5.10", "6.1"):  # no CONFIG_FPROBE
        pytest.skip(f"{kernel} does not offer {request.param}")
    return str(request.param)


def test_a_packet_whose_data_moves_stays_the_same_packet(vxlan_netns: Vxlan, way: str, support: Support) -> None:
    site = vxlan_netns
    # a clone of what goes into the tunnel: the tunnel's headers cannot be written to shared data, so it is copied
    with site.a.entered():
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    probes = (f"tp:{TRANSMIT}", f"tp:{RECEIVE}", "pskb_expand_head")
    with sniffer, tracing(*probes, namespaces=site.namespaces, way=way) as run:
        sniffer.bind((site.a.device, 0))
        with Traffic(site.a, site.b, MARK) as traffic:
            for number in range(3):
                traffic.send(number, 100)
            run.wait_for(RECEIVE, MARK, 6)
    by_packet, by_identity = sightings(run.events, MARK)
    assert len(by_packet) == len(by_identity) == 3
    moved = [event for event in run.holding(MARK) if event.probe.symbol == "pskb_expand_head"]
    assert len(moved) >= 3
    after = [event for event in run.holding(MARK) if b"\x12\xb5" in packet(event)[:42]]  # to port 4789
    assert {identity(event) for event in after} == set(by_identity)
    support.works(f"tracking, {way}")


@pytest.mark.parametrize(
    "way", ["fentry", *(pytest.param(way, marks=pytest.mark.extra) for way in WAYS[1:])], indirect=True
)
def test_what_a_bridge_floods_is_one_packet_in_several_skbs(bridge_netns: Bridge, way: str) -> None:
    site = bridge_netns
    broadcast = "192.0.2.255"
    with site.a.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    with sender, tracing(f"tp:{TRANSMIT}", f"tp:{RECEIVE}", namespaces=site.namespaces, way=way) as run:
        sender.sendto(MARK, (broadcast, 9))
        run.wait_for(RECEIVE, MARK, 3)  # at the bridge's port, at the bridge, at b
    events = run.holding(MARK)
    assert len({identity(event) for event in events}) == 1
    assert len({skb(event) for event in events}) > 1


@pytest.mark.parametrize("at", ["fexit", pytest.param("kretprobe", marks=pytest.mark.extra)])
def test_a_packet_is_not_met_for_the_first_time_at_a_return(two_netns: TwoNamespaces, at: str) -> None:
    two = two_netns
    with tracing(f"{at}:ip_rcv", namespaces=two.namespaces) as run:
        two.run(two.a, ["ping", "-c", "1", "-W", "20", two.b.ipv4])
        _wait_for_returns(run.events, run.read, run.decode)
    assert not [event for event in run.events if identity(event)]


def _wait_for_returns(events: list[Event], *read: object) -> None:
    import time

    deadline = time.monotonic() + patience(10)
    while not [event for event in events if event.get(Return)]:
        for step in read:
            step()  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("way", "kind"),
    [pytest.param(way, kind, marks=() if kind == way else pytest.mark.extra) for way in WAYS for kind in WAYS],
    indirect=["way"],
)
def test_where_data_is_freed_events_are_made_before_the_packet_is_forgotten(
    two_netns: TwoNamespaces, way: str, kind: str
) -> None:
    # whichever way the user probes the place at which the core does, and whoever comes first there
    two = two_netns
    places = ("kfree_skb_partial", "consume_skb", "skb_release_data")
    probes = [f"{kind.removesuffix('-multi')}:{name}" for name in places]
    with (
        tracing(*probes, f"tp:{RECEIVE}", f"tp:{CONSUME}", namespaces=(), way=way) as run,
        Traffic(two.a, two.b, MARK) as traffic,
    ):
        for number in range(20):
            traffic.send(number, 100)
        run.wait_for("skb_release_data", MARK, 20)
    by_packet, by_identity = sightings(run.events, MARK)
    assert len(by_packet) == len(by_identity) == 20
