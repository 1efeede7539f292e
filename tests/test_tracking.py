"""Identities of packets, against numbers in the packets themselves: on this kernel, and on those of the lab."""

from __future__ import annotations

import os
import socket
import time
from typing import TYPE_CHECKING

import pytest
from tests.soak.senders import mirror, retransmitted, sending
from tests.soak.truth import Truth
from tests.tracking import (
    CONSUME,
    ENQUEUE,
    RECEIVE,
    TAKE,
    TRANSMIT,
    Traffic,
    abilities,
    identity,
    sightings,
    skb,
    tracing,
)

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from tests.tracking import Tracing

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

WAYS = ("fentry", "kprobe", "kprobe-multi", "none")
MARK = b"a mark of tests of tracking"
PATH = tuple(f"tp:{name}" for name in (ENQUEUE, TRANSMIT, TAKE, RECEIVE))
IS_SLOW = patience(1) > 1
PACKETS = 3_000 if IS_SLOW else 100_000  # scripts/soak.py has more
PUT_OFF = 64 * (os.cpu_count() or 1)  # kernels put off freeing for a while, a few packets for each CPU
TAG = 0x5EED
SIZES = (40, 600, 1400)  # heads of different sizes come from different caches


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How functions are probed."""
    try:
        abilities(request.param)
    except LookupError as error:
        pytest.skip(str(error))
    return str(request.param)


def always(*names: str) -> pytest.MarkDecorator:
    """These ways for every change, the others where everything runs."""
    extra = pytest.mark.extra
    ways = [way if way in names else pytest.param(way, marks=extra) for way in WAYS]
    return pytest.mark.parametrize("way", ways, indirect=True)


@always("kprobe", "none")
def test_a_packet_has_one_identity_at_all_places_it_passes_and_no_other_has_it(
    two_netns: TwoNamespaces, way: str
) -> None:
    two = two_netns
    with tracing(*PATH, namespaces=two.namespaces, way=way) as run, Traffic(two.a, two.b, MARK) as traffic:
        for number in range(30):
            traffic.send(number, SIZES[number % 3])
        run.wait_for(RECEIVE, MARK, 30)
    by_packet, by_identity = sightings(run.events, MARK)
    assert len(by_packet) == len(by_identity) == 30
    assert all(len(found) == 1 for found in by_packet.values())
    assert len(run.holding(MARK)) == 120


def test_an_identity_is_when_and_where_the_packet_was_first_seen(two_netns: TwoNamespaces) -> None:
    two = two_netns
    with tracing(*PATH, namespaces=two.namespaces) as run, Traffic(two.a, two.b, MARK) as traffic:
        traffic.send(1, 100)
        run.wait_for(RECEIVE, MARK)
    first, *others = run.holding(MARK)
    found = identity(first)
    assert found is not None
    assert found[0] == first.header.timestamp
    assert all(event.header.timestamp > found[0] for event in others)
    assert found[1] >> 47 == (1 << 17) - 1


@always("fentry")
def test_no_two_packets_share_an_identity_in_heavy_traffic_and_nothing_is_left_of_it(
    two_netns: TwoNamespaces, way: str
) -> None:
    two, truth = two_netns, Truth(TAG)
    mirror(two)
    with tracing(*PATH, namespaces=two.namespaces, way=way) as run:
        with sending(two, TAG, PACKETS) as senders:
            while any(sender.poll() is None for sender in senders):
                truth.batch(run.columns())
                time.sleep(0.005)  # who sends may have no other processor
        truth.batch(run.columns())
        left = _left(run, two)
    assert [sender.returncode for sender in senders] == [0, 0]
    counts = truth.judge()
    assert counts.packets > PACKETS // 2, run.losses  # what the ring had no room for says nothing
    assert counts.wrong(retransmitted(two)) == [], run.losses
    assert len(left) <= PUT_OFF


def _left(run: Tracing, two: TwoNamespaces) -> dict[int, tuple[int, int]]:
    deadline = time.monotonic() + patience(5)
    while len(found := run.known) > PUT_OFF and time.monotonic() < deadline:
        two.run(two.a, ["ping", "-c", "1", "-W", "20", two.b.ipv4])  # has CPUs do what they put off
        run.read()
    return found


@always("fentry")
def test_clones_share_an_identity_and_differ_in_their_skb(two_netns: TwoNamespaces, way: str) -> None:
    two = two_netns
    with two.b.entered():
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    # without --netns: an skb in a socket tells no namespace
    with (
        sniffer,
        tracing(f"tp:{CONSUME}", f"tp:{RECEIVE}", namespaces=(), way=way) as run,
        Traffic(two.a, two.b, MARK) as traffic,
    ):
        traffic.send(7, 100)
        sniffer.settimeout(patience(5))
        while MARK not in sniffer.recv(2000):
            pass
        run.wait_for(CONSUME, MARK, 2)
    events = run.holding(MARK)
    assert len({identity(event) for event in events}) == 1
    assert len({skb(event) for event in events}) > 1


def test_the_identity_is_on_the_first_line_and_probes_for_tracking_count(
    tracer: Tracer, two_netns: TwoNamespaces
) -> None:
    two = two_netns
    names = ("--netns", two.a.name, "--netns", two.b.name)
    arguments = ("-c", "skb-tracking", *(part for probe in PATH for part in ("-p", probe)), *names)
    dry = tracer.run("collect", *arguments, "--dry-run")
    planned = [line for line in dry.stdout.splitlines() if line.startswith("probe ")]
    assert len(planned) > len(PATH)
    with tracer.collect(*arguments) as collecting:
        two.run(two.a, ["ping", "-c", "1", "-W", "20", two.b.ipv4])
        collecting.wait_for(f"[tp] {RECEIVE} #", count=2)
    assert f"{len(planned)} probe(s) loaded" in collecting.stderr
    assert all(" #" in line and " (skb ffff" in line for line in collecting.stdout.splitlines() if line)
