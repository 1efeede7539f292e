"""Every topology carries traffic in the way it says, by the kernel's own account; and nothing of it stays.

Here and in the guests of the lab: kernels differ in what they have.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

import pytest

from tracer_core.testing.namespace import FOLDER, Namespace
from tracer_core.testing.netns import two_namespaces
from tracer_core.testing.patience import VARIABLE, patience
from tracer_core.testing.pytest_plugin import or_unavailable, unavailable
from tracer_core.testing.topology import nat, nftables, openflow, vlan, vxlan
from tracer_core.testing.topology.bridge import Bridge, bridge_namespaces
from tracer_core.testing.topology.openvswitch import OpenVSwitch, openvswitch_namespaces
from tracer_core.testing.topology.ovs_nat import OvsNat, ovs_nat_namespaces
from tracer_core.testing.topology.site import MissingError, Topology, remove_leftovers, wait
from tracer_core.testing.topology.vswitch import Switched

COUNT = 3


def ping(source: Namespace, address: str) -> None:
    source.run(["ping", "-n", "-c", str(COUNT), "-i", "0.2", "-W", "20", address])


def received(device: Namespace) -> int:
    (link,) = json.loads(device.run(["ip", "-s", "-j", "link", "show", "dev", device.device]).stdout)
    packets: int = link["stats64"]["rx"]["packets"]
    return packets


def kind(device: Namespace) -> str:
    return device.run(["ip", "-d", "-o", "link", "show", "dev", device.device]).stdout


def send(source: Namespace, address: str, port: int, count: int = 1) -> None:
    with source.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        for _ in range(count):
            sender.sendto(b"hello", (address, port))


def listening(namespace: Namespace, port: int) -> socket.socket:
    with namespace.entered():
        listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listener.bind((namespace.ipv4, port))
    listener.settimeout(patience(10))
    return listener


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


Build = Callable[[str], AbstractContextManager[Topology]]
BUILDS: list[Build] = [
    two_namespaces,
    nat.nat_namespaces,
    vlan.vlan_namespaces,
    vxlan.vxlan_namespaces,
    bridge_namespaces,
    nftables.filtered_namespaces,
    openvswitch_namespaces,
    ovs_nat_namespaces,
]
each_topology = pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__.removesuffix("_namespaces"))


def left() -> list[str]:
    return [path.name for folder in (FOLDER, Path(tempfile.gettempdir())) for path in folder.glob("tracer-gone-*")]


@each_topology
@pytest.mark.extra
def test_nothing_of_a_topology_stays_after_a_failure(root: None, build: Build) -> None:
    inodes: list[int] = []

    def fail() -> None:
        with or_unavailable(), build("tracer-gone") as made:
            assert len(set(made.names)) == len(made.names) == len(set(made.inodes))
            assert [name for name in made.names if not (FOLDER / name).exists()] == []
            inodes.extend(made.inodes)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert left() == []
    assert inside(inodes) == []


def inside(inodes: list[int]) -> list[str]:
    """Processes in these namespaces."""
    numbers = {f"net:[{inode}]" for inode in inodes}
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str((path / "ns/net").readlink()) in numbers:
                found.append((path / "comm").read_text())
        except OSError:
            continue  # it has ended
    return found


KILLED = """
import os, signal, subprocess
from {module} import {function}
from tracer_core.testing.topology.ovs_nat import OvsNat, ovs_nat_namespaces
from tracer_core.testing.topology.site import MissingError
try:
    with {function}("tracer-gone") as made:
        print(*made.inodes, flush=True)
        command = ["sh", "-c", "echo inside; exec sleep 1000"]
        process = made.namespaces[-1].popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        os.kill(os.getpid(), signal.SIGKILL)
except MissingError as error:
    print("missing", error.what, error.reason, sep="|")
"""


@pytest.mark.parametrize("build", [two_namespaces, openvswitch_namespaces], ids=["two", "openvswitch"])
@pytest.mark.extra
def test_what_a_killed_process_made_is_removed_by_the_next(root: None, build: Build) -> None:
    command = [sys.executable, "-c", KILLED.format(module=build.__module__, function=build.__name__)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=patience(60))
    if result.stdout.startswith("missing|"):
        unavailable(*result.stdout.strip().split("|")[1:])
    assert left() != [], result.stderr
    assert len(remove_leftovers("tracer-gone")) in (2, 3)
    assert left() == []
    wait(lambda: inside([int(word) for word in result.stdout.split()]) == [], "programs still run")


@pytest.mark.parametrize("text", ["", "0", "-1", "inf", "long"])
def test_patience_is_a_positive_number(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ValueError, match=f"{VARIABLE} is '{text}': a positive number"):
        patience(1)


def test_patience_multiplies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert patience(20) == 20
    monkeypatch.setenv(VARIABLE, "2.5")
    assert patience(20) == 50


def test_what_a_machine_lacks_is_named(root: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for build, what in ((nftables.filtered_namespaces, "nftables"), (openvswitch_namespaces, "openvswitch")):
        with pytest.raises(MissingError, match="needs ") as caught, build("tracer-gone"):
            pytest.fail("there are no programs")
        assert caught.value.what == what
