"""Drop reasons: their names on recorded kernels, real drops, and the text."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tracer_core.api import TextOptions
from tracer_core.testing import CollectorContract, planned, recorded_kernel, recorded_names
from tracer_skb_drop.plugin import SkbDrop, skb_drop_text, tracer_check
from tracer_skb_drop.reasons import reason_names, subsystem_names

if TYPE_CHECKING:
    from tracer_core.testing import Tracer, TwoNamespaces

WITH_REASONS = [name for name in recorded_names() if name != "5.10"]


class TestContract(CollectorContract):
    collector = "skb_drop"


@pytest.mark.parametrize("name", WITH_REASONS)
def test_reasons_of_the_core_are_named_without_their_prefixes(name: str) -> None:
    kernel = recorded_kernel(name)
    reasons, names = kernel.enum("skb_drop_reason"), reason_names(kernel)
    assert reasons is not None
    assert names(reasons["SKB_DROP_REASON_NO_SOCKET"]) == "NO_SOCKET"
    assert names(reasons["SKB_NOT_DROPPED_YET"]) == "NOT_DROPPED_YET"
    assert names(0xFFFF) == "65535"
    assert all(names(value) for value in reasons.values())


@pytest.mark.parametrize("name", [name for name in WITH_REASONS if name != "6.1"])
def test_reasons_of_subsystems_have_their_whole_names(name: str) -> None:
    kernel = recorded_kernel(name)
    subsystems = kernel.enum("skb_drop_reason_subsys")
    assert subsystems is not None
    number = subsystems["SKB_DROP_REASON_SUBSYS_OPENVSWITCH"]
    assert subsystem_names(kernel)(number) == "openvswitch"
    reasons = kernel.enum("ovs_drop_reason")
    if reasons is None:  # a module's, which was not loaded when the kernel was recorded
        assert reason_names(kernel)(number << 16 | 1) == str(number << 16 | 1)
        return
    assert reason_names(kernel)(reasons["OVS_DROP_LAST_ACTION"]) == "OVS_DROP_LAST_ACTION"


@pytest.mark.parametrize("name", recorded_names())
def test_the_core_has_no_name_and_what_is_unknown_is_a_number(name: str) -> None:
    names = subsystem_names(recorded_kernel(name))
    assert (names(0), names(0x7FFF)) == (None, "32767")


def test_a_kernel_without_reasons_says_that_packets_are_dropped() -> None:
    kernel = recorded_kernel("5.10")
    assert tracer_check(kernel) is None
    assert reason_names(kernel)(0) == "NOT_SPECIFIED"
    made = planned("skb_drop", probes=["tp:net:netif_receive_skb"], kernel="5.10").plan
    assert [str(probe.probe) for probe in made.probes] == ["tp:skb:kfree_skb"]
    assert [str(probe) for probe in made.skipped] == ["tp:net:netif_receive_skb"]


@pytest.mark.parametrize("name", WITH_REASONS)
def test_whatever_is_given_a_reason_reports_it(name: str) -> None:
    kernel = recorded_kernel(name)
    function = "kprobe:sk_skb_reason_drop" if kernel.function("sk_skb_reason_drop") else "kprobe:kfree_skb_reason"
    made = planned("skb_drop", probes=[function], kernel=name).plan
    assert {str(probe.probe) for probe in made.probes} == {"tp:skb:kfree_skb", function}


@pytest.mark.parametrize(
    ("drop", "text"),
    [
        (SkbDrop(None, "NO_SOCKET"), "drop (reason NO_SOCKET)"),
        (SkbDrop("openvswitch", "OVS_DROP_LAST_ACTION"), "drop (reason openvswitch/OVS_DROP_LAST_ACTION)"),
    ],
)
def test_the_text_is_that_of_retis(drop: SkbDrop, text: str) -> None:
    assert skb_drop_text(drop, TextOptions()) == text


@pytest.mark.bpf
def test_a_packet_for_nobody_is_dropped_for_lack_of_a_socket(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    options = ("-c", "skb,skb_drop,skb_tracking", "--netns", two.b.name, "-f", "udp port 4711")
    with tracer.collect(*options, "--format", "single-line") as collecting:
        with two.a.entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            sender.sendto(b"hello", (two.b.ipv4, 4711))
    assert collecting.exit_code == 0, collecting.report()
    (event,) = collecting.stdout.splitlines()
    head, _, packet = event.partition(" drop (reason NO_SOCKET) ")
    assert "[tp] skb:kfree_skb #" in head
    assert ".4711 " in packet
