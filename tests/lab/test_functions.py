"""Probes on functions, in guests whose kernels have kprobes and trampolines, against the packets that were sent."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripts.pages.likeness import OMITTED, is_among
from tests.lab.traffic import LABELS, LENGTH, collecting_arguments, ping, refusing_socket, seen, send_datagram

from tracer_core.kernel.live import LiveKernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scripts.pages.blocks import Block
    from tests.lab.support import Support

    from tracer_core.testing.command import Collecting, Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.vxlan import Vxlan

pytestmark = pytest.mark.bpf

INWARD = ("ip_rcv", "ip_local_deliver", "icmp_rcv")
"""What an echo request passes on its way in, each called by the one before."""

ENTRIES, RETURNS = ("kprobe", "fentry"), ("kretprobe", "fexit")


def test_an_echo_request_is_seen_in_the_functions_it_passes_in_their_order(
    tracer: Tracer, two_netns: TwoNamespaces, support: Support
) -> None:
    two = two_netns
    probes = (f"{kind}:{name}" for kind in ENTRIES for name in INWARD)
    with tracer.collect(*collecting_arguments(*probes, namespaces=(two.b.name,))) as collecting:
        ping(two.a, two.b)
        collecting.wait_for(f" len {LENGTH} ", count=len(ENTRIES) * len(INWARD))
    for kind in ENTRIES:
        events = seen(collecting, LABELS[kind], length=LENGTH)
        assert [event.symbol for event in events] == list(INWARD)
        assert all(f"{two.a.ipv4} > {two.b.ipv4} " in event.rest for event in events)
        assert all(event.rest.endswith("type 8 code 0") for event in events)
        support.works(kind)


def test_calls_are_seen_when_they_return_with_the_time_they_took(
    tracer: Tracer, two_netns: TwoNamespaces, support: Support, shown: tuple[Block, ...]
) -> None:
    two = two_netns
    probes = (f"{kind}:{name}" for kind in RETURNS for name in INWARD)
    with tracer.collect(*collecting_arguments(*probes, namespaces=(two.b.name,))) as collecting:
        ping(two.a, two.b)
        collecting.wait_for("] ip_rcv returned 0 ", count=len(RETURNS))
    ((line,),) = (block.lines for block in shown)
    # the packet may be freed by then, and its memory be what it was
    printed = collecting.stdout.splitlines()
    assert is_among(line, printed) or is_among(f"{line} {OMITTED}", printed), collecting.stdout
    for kind in RETURNS:
        chain = [event for event in seen(collecting, LABELS[kind]) if event.symbol in INWARD]
        # the first to return was called last
        assert [event.symbol for event in chain] == list(reversed(INWARD))
        assert [event.value for event in chain] == ["0"] * len(INWARD)
        entered = [event.entered for event in chain]
        assert entered == sorted(entered, reverse=True)
        support.works(kind)


def test_results_are_shown_as_their_types_demand(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    # a positive number of two bytes, a negative one of four, none, a pointer
    names = ("eth_type_trans", "sk_filter_trim_cap", "skb_scrub_packet", "skb_push")
    probes = [f"{kind}:{name}" for kind in RETURNS for name in names]
    with (
        refusing_socket(two.b) as port,
        tracer.collect(*collecting_arguments(*probes, namespaces=two.names)) as collecting,
    ):
        send_datagram(two.a, two.b, port)
        for kind in RETURNS:
            for name in names:
                collecting.wait_for(f"[{LABELS[kind]}] {name} returned")
    for kind in RETURNS:
        values: dict[str, set[str | None]] = {name: set() for name in names}
        for event in seen(collecting, LABELS[kind]):
            values[event.symbol].add(event.value)
        # in a slow guest, neighbours may talk meanwhile, over ARP and IPv6
        assert str(socket.htons(0x0800)) in values["eth_type_trans"]
        assert values["eth_type_trans"] <= {str(socket.htons(number)) for number in (0x0800, 0x0806, 0x86DD)}
        assert refusal() in values["sk_filter_trim_cap"]
        assert values["skb_scrub_packet"] == {None}
        assert all(re.fullmatch(r"0xffff[0-9a-f]{12}", value or "") for value in values["skb_push"])


def refusal() -> str:
    """What the kernel's socket filters say of a packet they refuse."""
    prototype = LiveKernel().function("sk_filter_trim_cap")
    assert prototype is not None
    # EPERM; of late, SKB_DROP_REASON_SOCKET_FILTER
    return "-1" if prototype.returns == "int" else str(drop_reasons()["SKB_DROP_REASON_SOCKET_FILTER"])


def drop_reasons() -> Mapping[str, int]:
    found = LiveKernel().enum("skb_drop_reason")
    assert found is not None
    return found


def test_a_function_that_runs_within_itself_returns_as_often_as_it_was_called(
    tracer: Tracer, vxlan_netns: Vxlan, kernel: str
) -> None:
    # what goes into a tunnel is transmitted once by the tunnel's device and, within that, once by the one below
    site = vxlan_netns
    probes = (f"{kind}:__dev_queue_xmit" for kind in RETURNS)
    with tracer.collect(*collecting_arguments(*probes, namespaces=(site.a.name,))) as collecting:
        ping(site.a, site.b)
        collecting.wait_for("[fexit] __dev_queue_xmit returned", count=2)
    # register_kretprobe: where the kernel is not preemptible, it once waited for one return per processor; there is one
    for kind in RETURNS:
        calls = seen(collecting, LABELS[kind])
        nested = any(a.entered < b.entered and b.time < a.time for a in calls for b in calls)
        possible = (kernel, kind) != ("5.10", "kretprobe")
        assert nested is possible, collecting.report()


def test_many_functions_share_few_programs(tracer: Tracer, two_netns: TwoNamespaces, support: Support) -> None:
    two = two_netns
    patterns = ("kprobe:ip_rcv*", "kprobe:ip_local_deliver*", "kprobe:icmp_*")
    with tracer.collect(*collecting_arguments(*patterns, namespaces=(two.b.name,))) as collecting:
        programs, links = loaded(collecting)
        ping(two.a, two.b)
        collecting.wait_for("] icmp_rcv ")
    symbols = [event.symbol for event in seen(collecting, "k", length=LENGTH)]
    assert [symbol for symbol in symbols if symbol in INWARD][:3] == list(INWARD)
    probes = int(re.search(r"(\d+) probe\(s\) loaded", collecting.stderr)[1])  # type: ignore[index]
    assert probes > 2 * programs, f"{probes} probes by {programs} programs"
    support.works("many kprobes", "at once" if 0 < links < probes else "one by one")


def loaded(collecting: Collecting) -> tuple[int, int]:
    """Programs and links that a run holds."""
    infos = []
    for path in Path(f"/proc/{collecting.process.pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # a file that it has just closed
            infos.append(path.read_text())
    return sum("prog_type:" in info for info in infos), sum("link_type:" in info for info in infos)


CALLERS = {"tp": "__netif_receive_skb", "kprobe": "ip_local_", "fentry": "ip_local_", "fexit": "ip_local_"}
"""Who is among the calls. Not at kretprobes: before 5.15, kernels cannot see further than a return that is probed."""


def test_an_event_tells_the_calls_that_led_to_it(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    probes = [f"{kind}:{'net:netif_receive_skb' if kind == 'tp' else 'icmp_rcv'}/stack" for kind in CALLERS]
    given = [part for probe in probes for part in ("-p", probe)]
    with tracer.collect("-c", "skb", *given, "--netns", two.b.name) as collecting:
        ping(two.a, two.b)
        for kind in CALLERS:
            collecting.wait_for(f"[{LABELS[kind]}] ")
    for kind, caller in CALLERS.items():
        text = next(text for text in collecting.stdout.split("\n\n") if f"[{LABELS[kind]}]" in text)
        frames = [line.strip() for line in text.splitlines() if line.startswith("    ")]
        assert all(re.fullmatch(r"\S+\+0x[0-9a-f]+|0x[0-9a-f]+", frame) for frame in frames)
        assert any(frame.startswith(caller) for frame in frames), text


def test_a_mere_function_is_probed_by_the_cheaper_way(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "skb", "-p", "ip_rcv", "--netns", "1", "--dry-run")
    assert "probe 0 fentry:ip_rcv" in result.stdout
