"""Windows (``/ftrace``) and marks (``--follow-stack``) on functions, against the flows that were sent."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from scripts.pages.likeness import is_among
from tests.lab.test_pages import SHOWN
from tests.stacks import (
    PACKETS,
    WANTED,
    inherited,
    only_what_matches_is_shown,
    owner,
    owners,
    send,
    two_flows,
    wanted_port,
)
from tests.tracking import identity, packet, tracing

from tracer_core.sections import Return

if TYPE_CHECKING:
    from scripts.pages.blocks import Block
    from tests.lab.support import Support

    from tracer_core.sections import Event
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.vxlan import Vxlan

pytestmark = pytest.mark.bpf

LOOKUP = "fib_table_lookup"
"""A function without a packet that runs where one is received, in every kernel."""

KINDS = ("kprobe", "fentry", "kretprobe", "fexit")
EVERY_LOOKUP = (*(f"{kind}:{LOOKUP}" for kind in KINDS), f"tp:fib:{LOOKUP}")


def of_icmp(events: list[Event], symbol: str, kind: int) -> list[Event]:
    """Events at a function of ICMP messages of a type."""
    return [e for e in events if e.probe.symbol == symbol and packet(e)[23:24] == b"\x01" and packet(e)[34] == kind]


def returned(events: list[Event], symbol: str) -> list[Event]:
    """Events at the return of a function, the first first."""
    found = [event for event in events if event.probe.symbol == symbol and event.get(Return)]
    return sorted(found, key=lambda event: event.header.timestamp)


def ping(two: TwoNamespaces, *, count: int = 1) -> None:
    two.run(two.a, ["ping", "-n", "-c", str(count), "-i", "0.2", "-W", "20", two.b.ipv4])


@pytest.mark.parametrize(
    ("kind", "way"), [*((kind, "best") for kind in KINDS), ("kprobe", "kprobe"), ("kretprobe", "kprobe")]
)
@pytest.mark.extra
def test_whichever_way_functions_are_probed_they_find_the_window_they_run_in(
    two_netns: TwoNamespaces, support: Support, kind: str, way: str
) -> None:
    two = two_netns
    probes = (f"{kind}:ip_rcv/ftrace", "tp:net:netif_receive_skb", *EVERY_LOOKUP)
    with tracing(*probes, namespaces=[two.b], way=way, filters=["icmp"]) as run:
        ping(two)
    (request,) = {identity(event) for event in of_icmp(run.events, "net:netif_receive_skb", 8)}
    shown = [inherited(run, LOOKUP, each) for each in KINDS] + [inherited(run, f"fib:{LOOKUP}")]
    assert all(owners(events) == {request: len(shown[0])} for events in shown), list(map(owners, shown))
    support.works(f"/ftrace, {kind}")


@pytest.mark.parametrize("kind", ["kprobe", pytest.param("fexit", marks=pytest.mark.extra)])
def test_calls_of_packets_that_match_are_shown_and_none_of_others(two_netns: TwoNamespaces, kind: str) -> None:
    two = two_netns
    probes = (f"{kind}:ip_rcv/ftrace", "tp:net:netif_receive_skb", f"kprobe:{LOOKUP}")
    only_what_matches_is_shown(two, probes, LOOKUP)


@pytest.mark.extra
def test_without_a_filter_what_runs_for_packets_of_other_namespaces_is_not_shown(two_netns: TwoNamespaces) -> None:
    two = two_netns
    probes = ("kprobe:ip_rcv/ftrace", f"kprobe:{LOOKUP}")
    with tracing(*probes, namespaces=[two.b]) as run, two_flows(two) as (wanted, _):
        send(wanted)
        ping(two)  # its answer is received in the other
        run.wait_for("ip_rcv", WANTED, PACKETS)
    received = {identity(event) for event in run.events if event.probe.symbol == "ip_rcv"}
    assert {identity(event) for event in of_icmp(run.events, "ip_rcv", 0)} == set()
    assert set(owners(inherited(run, LOOKUP))) <= received


@pytest.mark.parametrize("kind", ["kprobe", "fentry"])
@pytest.mark.parametrize("filters", ["icmp", "icmp[icmptype] = icmp-echo"])
@pytest.mark.extra
def test_windows_nest_and_the_outer_one_is_open_again_when_the_inner_one_closed(
    two_netns: TwoNamespaces, kind: str, filters: str
) -> None:
    # in the call that receives the request, the reply is sent; its receiver's neighbour entry is missing, and made
    two = two_netns
    ping(two)
    two.run(two.b, ["ip", "neigh", "flush", "dev", two.b.device])
    inner = (f"kprobe:{LOOKUP}", "fentry:__neigh_create", "kprobe:dst_release", "fexit:ip_output")
    with tracing(
        f"{kind}:ip_rcv/ftrace", f"{kind}:ip_output/ftrace", *inner, namespaces=[two.b], filters=[filters]
    ) as run:
        ping(two)
    request = owner(of_icmp(run.events, "ip_rcv", 8))
    assert request in owners(inherited(run, LOOKUP))
    created = inherited(run, "__neigh_create")
    if filters == "icmp":
        reply = owner(of_icmp(run.events, "ip_output", 0))
        assert reply != request
        assert owner(created) == reply
        sent = returned(run.events, "ip_output")[0].header.timestamp
        later = [event for event in inherited(run, "dst_release") if event.header.timestamp > sent]
        assert request in owners(later)
    else:  # what runs for a packet that does not match runs for nobody
        assert created == []
        assert request in owners(inherited(run, "dst_release"))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.extra
def test_a_function_without_a_packet_opens_a_window_too(two_netns: TwoNamespaces, support: Support, kind: str) -> None:
    two = two_netns
    probes = (f"{kind}:process_backlog/ftrace", "kprobe:ip_rcv", f"kprobe:{LOOKUP}")
    with (
        two_flows(two) as (wanted, other),
        tracing(*probes, namespaces=[two.b], filters=[wanted_port(wanted)]) as run,
    ):
        send(wanted, other)
        run.wait_for("ip_rcv", WANTED, PACKETS)
    packets = {identity(event) for event in run.holding(WANTED)}
    assert len(packets) == PACKETS
    assert set(owners(inherited(run, LOOKUP))) == packets
    polled = inherited(run, "process_backlog")
    if kind in ("kretprobe", "fexit"):  # by then it is known what it ran for
        assert set(owners(polled)) <= packets
        assert polled
    else:
        assert polled == []
    support.works("/ftrace of a function without a packet")


@pytest.mark.parametrize("kind", ["kprobe", "fexit"])
@pytest.mark.extra
def test_interrupts_within_a_window_are_not_of_it(two_netns: TwoNamespaces, kind: str) -> None:
    # within the call that sends, an interrupt receives, on a stack of its own: only what raises it is of the window
    two = two_netns
    ping(two)  # the way is known from now on
    probes = (f"{kind}:ip_output/ftrace", "kprobe:ip_output", "tp:irq:softirq_raise", f"kprobe:{LOOKUP}")
    request = [f"icmp[icmptype] = icmp-echo and src {two.a.ipv4}"]
    with tracing(*probes, namespaces=[two.a], filters=request) as run:
        ping(two, count=3)
    sent = {identity(event) for event in of_icmp(run.events, "ip_output", 8)}
    assert len(sent) == 3
    assert set(owners(inherited(run, "irq:softirq_raise"))) == sent
    assert inherited(run, LOOKUP) == []


@pytest.mark.parametrize("kind", ["kretprobe", "fentry"])
@pytest.mark.extra
def test_what_a_function_calls_that_runs_within_itself_is_of_its_packet(vxlan_netns: Vxlan, kind: str) -> None:
    # what goes into a tunnel is transmitted by the tunnel's device and, within that, by the one below
    site = vxlan_netns
    command = ["ping", "-n", "-c", "1", "-W", "20", site.b.ipv4]
    site.a.run(command)  # the way is known from now on
    probes = (f"{kind}:__dev_queue_xmit/ftrace", "kprobe:__dev_queue_xmit", "tp:irq:softirq_raise")
    with tracing(*probes, namespaces=[site.a], filters=["icmp[icmptype] = icmp-echo"]) as run:
        site.a.run(command)
    sent = [event for event in run.events if event.probe.symbol == "__dev_queue_xmit" and event.probe.kind == "kprobe"]
    assert len(sent) == 2
    assert owner(inherited(run, "irq:softirq_raise")) == owner(sent)


def test_marks_show_what_windows_show(two_netns: TwoNamespaces, support: Support) -> None:
    two = two_netns
    probes = ("kprobe:ip_rcv", *EVERY_LOOKUP)
    with (
        two_flows(two) as (wanted, other),
        tracing(*probes, namespaces=[two.b], filters=[wanted_port(wanted)], follow=True) as run,
    ):
        send(wanted, other)
        run.wait_for("ip_rcv", WANTED, PACKETS)
    packets = {identity(event) for event in run.holding(WANTED)}
    shown = [inherited(run, LOOKUP, each) for each in KINDS] + [inherited(run, f"fib:{LOOKUP}")]
    assert all(owners(events) == owners(shown[0]) for events in shown), list(map(owners, shown))
    assert set(owners(shown[0])) == packets
    support.works("--follow-stack")


def test_what_runs_after_the_packet_was_freed_is_not_shown(two_netns: TwoNamespaces) -> None:
    two = two_netns
    after = ("kprobe:napi_complete_done", "tp:napi:napi_poll", "fexit:process_backlog")
    with tracing("kprobe:ip_rcv", f"kprobe:{LOOKUP}", *after, namespaces=[two.b], filters=["icmp"], follow=True) as run:
        ping(two, count=3)
    assert set(owners(inherited(run, LOOKUP))) == {identity(event) for event in of_icmp(run.events, "ip_rcv", 8)}
    for probe in after:
        assert inherited(run, probe.partition(":")[2]) == [], probe


def test_events_say_whose_they_are_and_that_they_have_no_packet(
    tracer: Tracer, two_netns: TwoNamespaces, kernel: str, shown: tuple[Block, ...]
) -> None:
    two = two_netns
    typed, printed = shown
    _, _, *options = shlex.split(typed.text)
    with tracer.collect(*options, "--netns", two.b.name) as collecting:
        ping(two)
        collecting.wait_for(f"] {LOOKUP} #")
    assert collecting.exit_code == 0, collecting.report()
    event = next(text for text in collecting.stdout.split("\n\n") if f"] {LOOKUP} #" in text)
    first, *frames = event.splitlines()
    assert first.endswith(" (skb 0)")
    if kernel == SHOWN:
        assert all(is_among(line, collecting.stdout.splitlines()) for line in printed.lines), collecting.stdout
    assert any("ip_rcv" in frame or "ip_route_input" in frame for frame in frames)
