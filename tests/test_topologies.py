"""Every topology carries traffic in the way it says, by the kernel's own account.

Here and in the guests of the lab: kernels differ in what they have.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from contextlib import ExitStack

import pytest
from tests.topology_traffic import COUNT, listening, ping, send

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.patience import patience
from tracer_core.testing.topology import nat, nftables, vlan, vxlan
from tracer_core.testing.topology.bridge import Bridge


def received(device: Namespace) -> int:
    (link,) = json.loads(device.run(["ip", "-s", "-j", "link", "show", "dev", device.device]).stdout)
    packets: int = link["stats64"]["rx"]["packets"]
    return packets


def kind(device: Namespace) -> str:
    return device.run(["ip", "-d", "-o", "link", "show", "dev", device.device]).stdout


@pytest.mark.parametrize("address", ["198.51.100.1", nat.VIRTUAL])
def test_what_a_client_sends_comes_from_the_router_and_so_do_answers(nat_netns: nat.Nat, address: str) -> None:
    net = nat_netns
    ping(net.client, address)
    with listening(net.server, 5300) as listener:
        send(net.client, address, 5300)
        data, peer = listener.recvfrom(16)
    assert (data, peer[0]) == (b"hello", net.outside.ipv4)
    listing = net.router.run(["cat", "/proc/net/nf_conntrack"], check=False)
    entries = listing.stdout if listing.returncode == 0 else net.router.run(["conntrack", "-L"]).stdout
    there, back = f"src={net.client.ipv4} dst={address}", f"src={net.server.ipv4} dst={net.outside.ipv4}"
    translated = [line for line in entries.splitlines() if there in line and back in line.partition(there)[2]]
    assert [sum(f"{name} " in line for line in translated) for name in ("icmp", "udp")] == [1, 1], entries
    rules = net.router.run(["nft", "list", "ruleset"]).stdout
    counted = {rule: int(packets) for packets, rule in re.findall(r"counter packets (\d+) bytes \d+ (\w+)", rules)}
    assert counted == {"dnat": 2 if address == nat.VIRTUAL else 0, "masquerade": 2}  # the first packet of each flow


def test_packets_in_a_vlan_have_a_tag_below_it(vlan_netns: vlan.Vlan) -> None:
    net = vlan_netns
    assert f"vlan protocol 802.1Q id {vlan.VLAN_ID} " in kind(net.b)
    # in this order, so that one which comes in between, as those do that ask for addresses, is counted below only
    below, inside = received(net.wire_b), received(net.b)
    ping(net.a, net.b.ipv4)
    ping(net.a, net.b.ipv6)
    inside = received(net.b) - inside
    below = received(net.wire_b) - below
    assert below >= inside >= 2 * COUNT
    assert [socket_tag(net.wire_b, net.a), socket_tag(net.b, net.a)] == [vlan.VLAN_ID, None]


def socket_tag(device: Namespace, source: Namespace) -> int | None:
    """The VLAN of a packet as a packet socket on the device gets it."""
    packet_auxdata, tag_is_valid = 8, 1 << 4
    with device.entered():
        capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0003))
    with capture:
        capture.bind((device.device, 0))
        capture.setsockopt(263, packet_auxdata, 1)  # SOL_PACKET
        capture.settimeout(patience(10))
        send(source, "192.0.2.2", 4711)
        while True:
            data, ancillary, _, _ = capture.recvmsg(2048, 64)
            if data.endswith(b"hello"):
                status = int.from_bytes(ancillary[0][2][:4], sys.byteorder)
                return int.from_bytes(ancillary[0][2][16:18], sys.byteorder) if status & tag_is_valid else None


def test_packets_in_a_tunnel_are_wrapped_below_it(vxlan_netns: vxlan.Vxlan) -> None:
    net = vxlan_netns
    ping(net.a, net.b.ipv6)
    with net.underlay_b.entered():
        capture = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
    with capture:
        capture.bind((net.underlay_b.device, 0x0800))
        capture.settimeout(patience(10))
        before = received(net.b), received(net.underlay_b)
        send(net.a, net.b.ipv4, 4711)
        packet = b""
        while not packet.endswith(b"hello"):
            packet = capture.recv(2048)
    ethernet, ipv4, udp = 14, 20, 8
    assert packet[ethernet + 12 :][:8] == socket.inet_aton("198.51.100.1") + socket.inet_aton("198.51.100.2")
    assert int.from_bytes(packet[ethernet + ipv4 + 2 :][:2], "big") == vxlan.PORT
    header = packet[ethernet + ipv4 + udp :][:8]
    assert (header[0], int.from_bytes(header[4:7], "big")) == (0x08, vxlan.VNI)
    assert packet[ethernet + ipv4 + udp + 8 + ethernet + 12 :][:4] == socket.inet_aton(net.a.ipv4)
    assert (received(net.b) - before[0], received(net.underlay_b) - before[1]) >= (1, 1)


def test_a_bridge_learns_where_its_neighbours_are(bridge_netns: Bridge) -> None:
    net = bridge_netns
    ping(net.a, net.b.ipv4)
    ping(net.b, net.a.ipv6)
    ping(net.a, net.bridge.ipv4)
    table = net.bridge.run(["bridge", "fdb", "show", "br", net.bridge.device]).stdout
    for end, port in ((net.a, net.port_a), (net.b, net.port_b)):
        with end.entered():
            address = hardware_address(end.device)
        assert re.search(rf"^{address} dev {port.device} master {net.bridge.device} *$", table, re.MULTILINE), table
        assert received(port) >= 2 * COUNT


def hardware_address(device: str) -> str:
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as any_socket:
        any_socket.bind((device, 0))
        address: bytes = any_socket.getsockname()[4]
    return address.hex(":")


def test_a_chain_accepts_drops_and_counts(nft_netns: nftables.Filtered) -> None:
    net = nft_netns
    ping(net.a, net.b.ipv4)
    ping(net.a, net.b.ipv6)
    ports = (nftables.ACCEPTED_PORT, nftables.DROPPED_PORT, 7003)
    with ExitStack() as stack:
        accepted, *silent = [stack.enter_context(listening(net.b, port)) for port in ports]
        send(net.a, net.b.ipv4, 7003)
        send(net.a, net.b.ipv4, nftables.DROPPED_PORT, count=2)
        send(net.a, net.b.ipv4, nftables.ACCEPTED_PORT)
        assert accepted.recv(16) == b"hello"  # the last: the others have been there before
        for listener in silent:
            listener.setblocking(False)
            with pytest.raises(BlockingIOError):
                listener.recv(16)
    assert net.counters() == {"accepted": 1, "dropped": 2, "pings": 2 * COUNT}
