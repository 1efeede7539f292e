"""``--stack``, ``--all-skb`` and ``--probe-stack`` on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tracer_core.testing import kernels

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

RECEIVE, TRANSMIT = "tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit"
RECORDED = ("--kernel", str(kernels.__path__[0]) + "/6.12", "--dry-run")


@pytest.mark.bpf
def test_with_stack_every_event_tells_the_calls_that_led_there(two_netns: TwoNamespaces, tracer: Tracer) -> None:
    two = two_netns
    options = ("-c", "skb", "-p", RECEIVE, "-p", TRANSMIT, "--stack", "--netns", two.a.name, "--netns", two.b.name)
    with tracer.collect(*options, "-f", "icmp") as collecting:
        two.run(two.a, ["ping", "-c", "1", "-W", "20", two.b.ipv4])
        collecting.wait_for("type 0 code 0", count=2)
    events = [text.splitlines() for text in collecting.stdout.strip().split("\n\n")]
    assert len(events) == 4
    for lines in events:
        frames = [line.strip() for line in lines if line.startswith("    ")]
        assert any(frame.startswith(("dev_hard_start_xmit+", "__netif_receive_skb_core")) for frame in frames), lines


def test_all_functions_with_a_packet_are_hundreds_and_default_probes_none(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "auto", "--all-skb", *RECORDED)
    assert result.returncode == 0, result.stderr
    probes = [line.split()[2].rstrip(":") for line in result.stdout.splitlines() if line.startswith("probe ")]
    assert len(probes) > 800
    assert {"kprobe:ip_rcv", "kprobe:ip_output"} <= set(probes)
    assert RECEIVE not in probes
    assert "No probe(s) given" not in result.stderr


def test_where_stacks_are_searched_probing_begins_where_packets_end(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "auto", "--probe-stack", "-f", "icmp", *RECORDED)
    assert result.returncode == 0, result.stderr
    assert "No probe(s) given: using tp:skb:consume_skb, tp:skb:kfree_skb" in result.stderr
    assert result.stdout.count("  attached to when a stack shows it\n") > 400


@pytest.mark.parametrize("filters", [(), ("--stack",)])
def test_stacks_are_searched_for_packets_that_somebody_wants_only(tracer: Tracer, filters: tuple[str, ...]) -> None:
    result = tracer.run("collect", "--probe-stack", *filters, *RECORDED)
    assert result.returncode == 2
    assert "--probe-stack needs a filter" in result.stderr
    assert "add --filter-packet, --filter-meta or --netns" in result.stderr
