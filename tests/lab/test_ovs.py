"""Packets through Open vSwitch, in its datapath, through its process and back, against what was sent."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tracer_core.testing.patience import patience
from tracer_core.testing.topology import openflow
from tracer_core.testing.topology.site import wait

if TYPE_CHECKING:
    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.topology.openvswitch import OpenVSwitch

pytestmark = [pytest.mark.bpf, pytest.mark.usefixtures("module_types")]

ACTION = "openvswitch:ovs_do_execute_action"
CROSSED = [
    ("ovs_flow_tbl_lookup_stats", "flow_lookup"),
    ("openvswitch:ovs_dp_upcall", "upcall"),
    ("queue_userspace_packet", "upcall_enqueue"),
    ("ovs_dp_upcall", "upcall_return"),
    ("dpif_recv:recv_upcall", "recv_upcall"),
    ("dpif_netlink_operate__:op_flow_put", "flow_operation"),
    ("dpif_netlink_operate__:op_flow_execute", "flow_operation"),
    (ACTION, "action_execute"),
]
"""Places and events of the first packet of a flow."""

Events = list[dict[str, Any]]


@pytest.fixture
def net(ovs_netns: OpenVSwitch) -> OpenVSwitch:
    """With neighbours found, and flows in the datapath for what goes between them."""
    ping(ovs_netns.a, ovs_netns.b)
    return ovs_netns


def ping(source: Namespace, target: Namespace, *, answered: bool = True) -> None:
    wait = "20" if answered else "1"
    source.run(["ping", "-n", "-c", "1", "-W", wait, target.ipv4], check=answered)


def events(path: Path) -> Events:
    """What is in a file, but for what it says of the run."""
    return [event for line in path.read_text().splitlines() if "startup" not in (event := json.loads(line))]


def place(event: dict[str, Any]) -> str:
    """Where it was taken."""
    return str(event["kernel"]["symbol"] if "kernel" in event else event["userspace"]["symbol"])


def steps(found: Events) -> list[tuple[str, str]]:
    return [(place(event), event["ovs"]["event_type"]) for event in found if "ovs" in event]


def test_a_packet_whose_flow_is_known_is_looked_up_and_put_out(
    tracer: Tracer, net: OpenVSwitch, tmp_path: Path, support: Support
) -> None:
    path = tmp_path / "events.json"
    with tracer.collect("-c", "ovs,skb", "-f", "icmp", "-o", str(path)) as collecting:
        ping(net.a, net.b)
    assert collecting.exit_code == 0, collecting.report()
    found = events(path)
    assert steps(found) == [("ovs_flow_tbl_lookup_stats", "flow_lookup"), (ACTION, "action_execute")] * 2
    outputs = [event["ovs-port"]["name"] for event in found if place(event) == ACTION]
    assert outputs == [net.port_b.device, net.port_a.device]
    known = net.control("ovs-dpctl", "dump-flows", "-m")
    for lookup in (event["ovs"] for event in found if place(event) != ACTION):
        a, b, c, d = lookup["ufid"]
        ufid = f"{a:08x}-{b >> 16:04x}-{b & 0xFFFF:04x}-{c >> 16:04x}-{c & 0xFFFF:04x}{d:08x}"
        (flow,) = [line for line in known.splitlines() if f"ufid:{ufid}" in line]
        assert f"in_port({net.port_a.device})" in flow or f"in_port({net.port_b.device})" in flow
        assert lookup["flow"]
        assert lookup["sf_acts"]
    ports = dict(re.findall(r"port (\d+): (\S+)", net.control("ovs-dpctl", "show")))
    assert [ports[str(event["ovs"]["port"])] for event in found if place(event) == ACTION] == outputs
    support.works("Open vSwitch, datapath")


def test_a_packet_without_a_flow_goes_through_the_process_and_back(
    tracer: Tracer, net: OpenVSwitch, ovs_with_probes: OpenVSwitch, tmp_path: Path, support: Support
) -> None:
    path, ordered = tmp_path / "events.json", tmp_path / "sorted.json"
    net.forget_flows()
    with tracer.collect("-c", "ovs,skb,skb-tracking", "-f", "ip", "--ovs-track", "-o", str(path)) as collecting:
        ping(net.a, net.b)
    assert collecting.exit_code == 0, collecting.report()
    found = events(path)
    assert steps(found) == CROSSED * 2
    assert found[0]["ovs"]["flow"] == 0
    tracer.run("sort", "-o", str(ordered), str(path))
    start, *series = [json.loads(line) for line in ordered.read_text().splitlines()]
    assert len(start) == 1
    assert [steps(journey) for journey in series] == [CROSSED, CROSSED]
    for journey in series:
        assert [event["tracking"]["idx"] for event in journey] == list(range(len(CROSSED)))
        assert len({event["tracking"]["skb"]["orig_head"] for event in journey}) == 1
        queue_ids = {event["ovs"]["queue_id"] for event in journey if "queue_id" in event["ovs"]}
        assert len(queue_ids) == 1
        upcall = next(event for event in journey if event["ovs"]["event_type"] == "upcall")
        began = {event["ovs-upcall"]["timestamp"] for event in journey if "ovs-upcall" in event}
        assert began == {upcall["common"]["timestamp"]}
        assert upcall["ovs-port"]["is_output"] is False
        latencies = [event["ovs-upcall"]["latency"] for event in journey if "ovs-upcall" in event]
        assert latencies == sorted(latencies)
    first = [event for event in series[0] if "packet" in event]
    assert first[0]["packet"] == first[-1]["packet"]  # of another skb
    support.works("Open vSwitch, through its process")


def test_only_what_the_filter_lets_through_is_followed_through_the_process(
    tracer: Tracer, net: OpenVSwitch, ovs_with_probes: OpenVSwitch, tmp_path: Path
) -> None:
    path = tmp_path / "events.json"
    net.forget_flows()
    wanted = f"ip src {net.a.ipv4} and icmp"
    with tracer.collect("-c", "ovs,skb,skb-tracking", "-f", wanted, "--ovs-track", "-o", str(path)) as collecting:
        ping(net.a, net.b)
    assert collecting.exit_code == 0, collecting.report()
    assert steps(events(path)) == CROSSED


def test_a_journey_over_the_border_is_put_together_while_events_come(
    tracer: Tracer, net: OpenVSwitch, ovs_with_probes: OpenVSwitch, tmp_path: Path
) -> None:
    path = tmp_path / "sorted.json"
    net.forget_flows()
    wanted = ("-f", f"ip src {net.a.ipv4} and icmp", "--ovs-track", "--sort", "-o", str(path))
    with tracer.collect("-c", "ovs,skb,skb-tracking", *wanted) as collecting:
        ping(net.a, net.b)
    assert collecting.exit_code == 0, collecting.report()
    # where the process takes longer than a journey waits, it goes on in another series, and its numbers do
    found = [event for line in path.read_text().splitlines() for event in json.loads(line) if "startup" not in event]
    assert steps(found) == CROSSED
    assert [event["tracking"]["idx"] for event in found] == list(range(len(CROSSED)))
    assert len({event["tracking"]["skb"]["orig_head"] for event in found}) == 1


@pytest.mark.extra
def test_of_packets_that_are_not_wanted_the_process_says_nothing(
    tracer: Tracer, net: OpenVSwitch, ovs_with_probes: OpenVSwitch, tmp_path: Path
) -> None:
    path = tmp_path / "events.json"
    net.forget_flows()
    with tracer.collect("-c", "ovs,skb", "-f", "udp port 9999", "--ovs-track", "-o", str(path)) as collecting:
        ping(net.a, net.b)
    assert collecting.exit_code == 0, collecting.report()
    assert events(path) == []


def connect(client: Namespace, server: Namespace, port: int) -> None:
    """Open a connection, and close it from the client's side, then from the server's."""
    with server.entered():
        listening = socket.create_server((server.ipv4, port))
    with client.entered():
        calling = socket.socket()
    with listening, calling:
        calling.settimeout(patience(20))
        calling.connect((server.ipv4, port))
        answering, _ = listening.accept()
        with answering:
            calling.shutdown(socket.SHUT_WR)
            assert answering.recv(1) == b""
        assert calling.recv(1) == b""


def test_a_connection_that_is_tracked_goes_round_again(
    tracer: Tracer, net: OpenVSwitch, tmp_path: Path, support: Support
) -> None:
    path = tmp_path / "events.json"
    net.set_flows(net.switch, *openflow.TRACKED)
    connect(net.a, net.b, 80)  # flows are in the kernel then, and nothing takes so long that it is sent again
    wanted = f"host {net.a.ipv4} and (tcp port 80 or arp)"
    with tracer.collect("-c", "skb,ovs,ct", "--skb-sections", "all", "-f", wanted, "-o", str(path)) as collecting:
        connect(net.a, net.b, 80)
    assert collecting.exit_code == 0, collecting.report()
    actions = [event for event in events(path) if place(event) == ACTION and is_ip(event)]
    seen = [(told["action"], told.get("flags"), told.get("zone_id")) for told in (event["ovs"] for event in actions)]
    once, again = ("ct", 4, openflow.ZONE), ("ct", 5, openflow.ZONE)
    recirculated, out = ("recirc", None, None), ("output", None, None)
    syn, others = [once, recirculated, again, out], [once, recirculated, out]
    assert seen[:10] == syn + 2 * others
    assert seen[10:] == (len(seen) - 10) // 3 * others
    assert len(seen) >= 10 + 2 * 3  # FIN, and what follows
    states = [event["ct"]["state"] for event in actions if event["ovs"]["action"] == "recirc"]
    assert states[:3] == ["new", "reply", "established"]
    assert actions[3]["ct"]["state"] == "new"
    # what goes round comes out under the number by which it went
    numbers = [event["ovs"]["id"] for event in actions if event["ovs"]["action"] == "recirc"]
    assert [event["ovs"]["recirc_id"] for event in actions if event["ovs"]["action"] == "output"] == numbers
    support.works("Open vSwitch, connections")


def is_ip(event: dict[str, Any]) -> bool:
    """Whether its packet is one of IPv4."""
    return base64.b64decode(event["packet"]["data"])[12:14] == b"\x08\x00"


@pytest.mark.extra
def test_without_a_process_that_can_be_followed_it_is_said_which_is_missing(
    tracer: Tracer, net: OpenVSwitch, tmp_path: Path
) -> None:
    def refused() -> str:
        result = tracer.run("collect", "-c", "ovs", "--ovs-track")
        assert result.returncode not in (0, 1), result.stderr  # an error that is told, not a crash
        return result.stderr

    fake = tmp_path / "ovs-vswitchd"
    shutil.copy(shutil.which("sleep") or "", fake)
    with subprocess.Popen([fake, "1000"]) as other:  # beside that of the network
        assert "several processes ovs-vswitchd are running: " in refused()
        other.terminate()
    os.kill(net.pid, signal.SIGTERM)
    wait(lambda: not Path(f"/proc/{net.pid}/exe").exists(), "the process has ended", patience(20))
    assert "no process ovs-vswitchd is running" in refused()
    with subprocess.Popen([fake, "1000"]) as alone:
        said = refused()
        alone.terminate()
    assert "has no USDT probe" in said
    assert "built with them" in said


def test_a_drop_says_why(tracer: Tracer, net: OpenVSwitch, tmp_path: Path, kernel: str, support: Support) -> None:
    if kernel == "6.1":
        pytest.skip("the datapath has no action for drops before Linux 6.7")
    path = tmp_path / "events.json"
    with tracer.collect("-c", "ovs,skb", "-f", "icmp", "-o", str(path)) as collecting:
        for flows in (openflow.DROPPED, openflow.LOOPING):
            net.set_flows(net.switch, *flows)
            ping(net.a, net.b, answered=False)
    assert collecting.exit_code == 0, collecting.report()
    drops = [event["ovs"]["reason"] for event in events(path) if event.get("ovs", {}).get("action") == "drop"]
    assert drops == [0, 2]
    support.works("Open vSwitch, drops")
