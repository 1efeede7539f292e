"""Bridges of Open vSwitch carry traffic in the way they say, by the account of the kernel's datapath."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.topology_traffic import COUNT, listening, ping, send

from tracer_core.testing.topology import openflow
from tracer_core.testing.topology.openvswitch import OpenVSwitch
from tracer_core.testing.topology.ovs_nat import OvsNat
from tracer_core.testing.topology.vswitch import Switched


def test_the_first_packet_goes_up_to_open_vswitch_and_the_others_by_the_flow_in_the_kernel(
    ovs_netns: OpenVSwitch,
) -> None:
    net = ovs_netns
    ping(net.a, net.b.ipv6)
    ping(net.a, net.b.ipv4)
    found = flows(net, of=IPV4)
    counted = sorted(int(packets) for line in found for packets in re.findall(r"packets:(\d+)", line))
    assert counted == [COUNT - 1, COUNT - 1], found
    hit, missed, lost = lookups(net)
    assert hit >= 2 * (COUNT - 1)
    assert missed >= 2
    assert lost == 0
    assert {net.switch.device, net.port_a.device, net.port_b.device} < set(net.ports())
    assert Path(f"/proc/{net.pid}/exe").resolve() == net.program


def lookups(net: Switched) -> tuple[int, int, int]:
    """How many packets the kernel had a flow for, sent up, and lost."""
    datapath = net.control("ovs-dpctl", "show")
    statistics = re.search(r"lookups: hit:(\d+) missed:(\d+) lost:(\d+)", datapath)
    assert statistics, datapath
    hit, missed, lost = map(int, statistics.groups())
    return hit, missed, lost


def flows(net: Switched, *, of: str) -> list[str]:
    """The kernel's flows with this in them."""
    return [line for line in net.control("ovs-dpctl", "dump-flows").splitlines() if of in line]


IPV4 = "eth_type(0x0800)"


def test_a_ping_goes_up_in_both_bridges_each_time_that_flows_are_forgotten_and_comes_from_the_outer(
    ovs_nat_netns: OvsNat,
) -> None:
    net = ovs_nat_netns
    with listening(net.server, 5300) as listener:
        send(net.client, net.server.ipv4, 5300)
        data, peer = listener.recvfrom(16)
    assert (data, peer[0]) == (b"hello", net.bridge_ext.ipv4)
    ping(net.client, net.server.ipv4)
    ports = net.ports()
    assert {"br_int", "br_ext", "local_pint", "local_pext"} < set(ports)
    ways = [("local_pint", "br_int"), ("br_ext", "local_pext"), ("local_pext", "br_ext"), ("br_int", "local_pint")]
    for _ in range(2):
        before = lookups(net)
        net.forget_flows()
        ping(net.client, net.server.ipv4)
        _, missed, lost = (after - earlier for after, earlier in zip(lookups(net), before, strict=True))
        assert missed >= len(ways)
        assert lost == 0
        by_port = {line.partition("in_port(")[2].partition(")")[0]: line for line in flows(net, of=IPV4)}
        for into, out in ways:
            line = by_port[str(ports[into])]
            assert f"packets:{COUNT - 1}," in line
            assert line.endswith(f"actions:{ports[out]}")


@pytest.mark.extra
def test_bridges_do_what_they_are_told(ovs_nat_netns: OvsNat) -> None:
    net = ovs_nat_netns
    ping(net.client, net.server.ipv4)
    net.set_flows(net.bridge_int, *openflow.TRACKED)
    ping(net.client, net.server.ipv4)
    assert flows(net, of=f"actions:ct(zone={openflow.ZONE}),recirc(")
    assert flows(net, of=f"actions:ct(commit,zone={openflow.ZONE}),")
    for told in (openflow.DROPPED, openflow.LOOPING):
        net.set_flows(net.bridge_int, *told)
        assert not answered(net)
        (line,) = flows(net, of=IPV4)
        assert line.endswith("actions:drop")
    net.set_flows(net.bridge_int, *openflow.NORMAL)
    ping(net.client, net.server.ipv4)


def answered(net: OvsNat) -> bool:
    return net.client.run(["ping", "-n", "-c", "1", "-W", "1", net.server.ipv4], check=False).returncode == 0
