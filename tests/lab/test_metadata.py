"""Packets caught by what the kernel knows of them, at functions and returns, against the truth of what was sent."""

from __future__ import annotations

import re
import socket
import struct
from typing import TYPE_CHECKING

import pytest
from tests.lab.test_filter import ends, namespaces

from tracer_core.testing.topology import nftables
from tracer_core.testing.topology.nat import VIRTUAL

if TYPE_CHECKING:
    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.nat import Nat

pytestmark = pytest.mark.bpf

PROBES = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
MARKS = """
table ip marks {
    chain prerouting {
        type filter hook prerouting priority mangle;
        ip daddr 203.0.113.80 ct mark set 0x2a
    }
}
"""
HEADER = struct.Struct("!BBHHHBBH4s4s")


def test_a_connection_is_known_by_its_mark_and_its_packets_are_followed(
    tracer: Tracer, nat_netns: Nat, support: Support
) -> None:
    net = nat_netns
    nftables.load(net.router, MARKS)
    where = namespaces(net.client.name, net.router.name, net.server.name)
    options = ("-c", "skb", *PROBES, *where, "--format", "single-line")
    with tracer.collect(*options, "-m", "sk_buff._nfct:~0x7:nf_conn.mark == 0x2a") as collecting:
        net.client.run(["ping", "-n", "-c", "1", "-W", "20", VIRTUAL])
        net.client.run(["ping", "-n", "-c", "1", "-W", "20", net.router.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    # seen first where the router sends it: before, it is of no connection
    request, reply = (net.outside.ipv4, net.server.ipv4, 8), (VIRTUAL, net.client.ipv4, 0)
    assert sorted(ends(collecting.stdout)) == sorted([request] * 2 + [reply] * 2)
    support.works("metadata filter, conntrack")


@pytest.mark.extra
def test_a_connection_without_a_mark_is_not_reported(tracer: Tracer, nat_netns: Nat) -> None:
    net = nat_netns
    where = namespaces(net.client.name, net.router.name, net.server.name)
    options = ("-c", "skb", *PROBES, *where, "--format", "single-line")
    with tracer.collect(*options, "-m", "sk_buff._nfct:~0x7:nf_conn.mark") as collecting:
        net.client.run(["ping", "-n", "-c", "1", "-W", "20", VIRTUAL])
    assert collecting.exit_code == 0, collecting.report()
    assert ends(collecting.stdout) == []


@pytest.mark.parametrize(
    "probe",
    [
        pytest.param("fentry:ip_rcv", marks=pytest.mark.extra),
        "kprobe:ip_rcv",
        "fexit:ip_rcv",
        pytest.param("kretprobe:ip_rcv", marks=pytest.mark.extra),
    ],
)
def test_arguments_are_known_by_their_names(
    tracer: Tracer, two_netns: TwoNamespaces, probe: str, support: Support
) -> None:
    two = two_netns
    options = ("-c", "skb", "-p", probe, *namespaces(two.a.name, two.b.name), "--format", "single-line")
    # of the two, only b's device
    expression = f"dev.name == '{two.b.device}' and not orig_dev.name == '{two.a.device}' and skb.len >= 84"
    with tracer.collect(*options, "-m", expression) as collecting:
        two.run(two.a, ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "20", two.b.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    request = (two.a.ipv4, two.b.ipv4, 8)
    assert len(collecting.stdout.splitlines()) == 2, collecting.stdout
    if probe.startswith(("fexit", "kretprobe")):  # the function has freed its packet, which then may not be shown
        assert set(ends(collecting.stdout)) <= {request}
    else:
        assert ends(collecting.stdout) == [request] * 2, collecting.stdout
    support.works(f"metadata filter, {probe.partition(':')[0]}")


@pytest.mark.parametrize("probe", ["fexit:ip_rcv", pytest.param("kretprobe:ip_rcv", marks=pytest.mark.extra)])
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("retval == 1", [2, 4]),
        pytest.param("retval == 0 and skb.len > 30", [1, 3], marks=pytest.mark.extra),
        pytest.param("not retval and skb.len > 1000", [], marks=pytest.mark.extra),
        ("retval or skb.len == 31", [1, 2, 4]),
        pytest.param("retval < 0", [], marks=pytest.mark.extra),
    ],
)
def test_what_a_function_returns_decides(
    tracer: Tracer, two_netns: TwoNamespaces, probe: str, expression: str, expected: list[int]
) -> None:
    two = two_netns
    options = ("-c", "skb", "-p", probe, *namespaces(two.b.name), "--format", "single-line")
    with tracer.collect(*options, "-m", f"({expression}) and not skb.len > 40", "--stop-after", "0") as collecting:
        for number in range(1, 5):
            send(two, number, is_broken=number % 2 == 0)
    assert collecting.exit_code == 0, collecting.report()
    # not by the packets themselves: the function has freed them
    seen = [int(value) for value in re.findall(r" returned (\d) after ", collecting.stdout)]
    assert seen == [int(number % 2 == 0) for number in expected], collecting.stdout


def send(two: TwoNamespaces, number: int, *, is_broken: bool) -> None:
    """Send an IPv4 packet of 30 bytes and its number; the checksum of a broken one is wrong, so it is dropped."""
    length = 30 + number

    def header(checksum: int) -> bytes:
        ends = socket.inet_aton(two.a.ipv4), socket.inet_aton(two.b.ipv4)
        return HEADER.pack(0x45, 0, length, number, 0, 64, 253, checksum, *ends)

    total = sum(struct.unpack("!10H", header(0)))
    checksum = ~(total + (total >> 16)) & 0xFFFF
    packet = header(checksum ^ is_broken) + bytes(length - HEADER.size)
    with two.a.entered():
        sender = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(packet, (two.a.device, 0x0800, 0, 0, b"\xff" * 6))
