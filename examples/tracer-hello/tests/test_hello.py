"""The collector is what it says: on every recorded kernel without privileges, and for real where that works."""

from __future__ import annotations

import pytest

from tracer_core.testing import CollectorContract, Record, Tracer, TwoNamespaces, planned, recorded_names
from tracer_hello.plugin import Hello, HelloOptions

RECEIVE, TRANSMIT = "tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit"
LONG_ONLY = HelloOptions(min_len=100)


class TestContract(CollectorContract):
    collector = "hello"
    options = (LONG_ONLY,)


def test_its_text_names_the_type_of_the_packet(tracer: Tracer) -> None:
    run = planned("hello", probes=[RECEIVE])
    records = [Record({"hello": Hello(length=142, mark=42, packet_type=kind)}) for kind in (1, 9)]
    shown = run.replayed(tracer, records)
    assert "  hello length 142 mark 0x2a type broadcast\n" in shown
    assert "  hello length 142 mark 0x2a type unknown\n" in shown


@pytest.mark.bpf
@pytest.mark.parametrize("kernel", recorded_names())
@pytest.mark.parametrize(("length", "reported"), [(99, []), (100, [Hello(100, 42, 4)])])
def test_packets_below_the_least_length_are_not_reported(kernel: str, length: int, reported: list[Hello]) -> None:
    run = planned("hello", probes=[RECEIVE], kernel=kernel, options={"hello": LONG_ONLY}, typed=False)
    with run.tried() as tried:
        tried.fill("sk_buff", 0, {"len": length, "mark": 42, "pkt_type": 4})
        assert [event.get(Hello) for event in tried.events(tried.address())] == reported


def test_a_negative_least_length_is_refused(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "hello", "--hello-min-len", "-1", "--dry-run")
    assert result.returncode == 2
    assert "--hello-min-len -1: not a length" in result.stderr


@pytest.mark.bpf
def test_it_reports_length_and_mark_of_a_ping(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    a, b = two_netns.a, two_netns.b
    with tracer.collect("-c", "hello", "-p", TRANSMIT, "--netns", a.name) as collecting:
        a.run(["ping", "-n", "-c", "1", "-W", "5", "-s", "100", "-m", "42", b.ipv4])
        # 14 bytes of Ethernet, 20 of IP, 8 of ICMP
        collecting.wait_for("hello length 142 mark 0x2a type host")
