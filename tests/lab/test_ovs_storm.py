"""Many packets that are each a new flow, as fast as they can be sent: every journey is one packet's."""

from __future__ import annotations

import base64
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.topology.openvswitch import OpenVSwitch

pytestmark = [pytest.mark.bpf, pytest.mark.usefixtures("module_types")]

FIRST_PORT = 20000
FLOWS = (
    "table=0,priority=0,actions=NORMAL",
    "table=0,priority=1,udp,actions=move:NXM_OF_UDP_DST[]->NXM_NX_REG0[0..15],NORMAL",
)
"""What is read is not left out of the datapath's flows: so each port has its own."""

KERNEL = ["flow_lookup", "upcall", "upcall_enqueue", "upcall_return"]
PROCESS = ["recv_upcall", "flow_operation", "flow_operation", "action_execute"]


def send(source: Namespace, target: Namespace, count: int) -> None:
    """Datagrams with a number each, to a port each; they differ in their first 64 bytes."""
    with source.entered(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for number in range(count):
            sender.sendto(number.to_bytes(4) * 8, (target.ipv4, FIRST_PORT + number))


def numbers(journey: list[dict[str, Any]]) -> set[int]:
    """Of all packets in it: port and content must say the same."""
    found = set()
    for event in journey:
        if "packet" in event:
            data = base64.b64decode(event["packet"]["data"])
            number = int.from_bytes(data[42:46])
            assert int.from_bytes(data[36:38]) == FIRST_PORT + number
            found.add(number)
    return found


@pytest.mark.parametrize("count", [500, pytest.param(10_000, marks=pytest.mark.extra)])
def test_in_a_storm_of_upcalls_no_packet_goes_on_with_another_ones_journey(
    tracer: Tracer, ovs_with_probes: OpenVSwitch, tmp_path: Path, count: int
) -> None:
    net, path, ordered = ovs_with_probes, tmp_path / "events.arrow", tmp_path / "sorted.json"
    net.a.run(["ping", "-n", "-c", "1", "-W", "20", net.b.ipv4])
    net.set_flows(net.switch, *FLOWS)
    wanted = f"udp and dst host {net.b.ipv4}"
    with tracer.collect("-c", "ovs,skb,skb-tracking", "-f", wanted, "--ovs-track", "-o", str(path)) as collecting:
        send(net.a, net.b, count)
        net.a.run(["ping", "-n", "-c", "1", "-W", f"{patience(60):.0f}", net.b.ipv4])  # behind all of them
    assert collecting.exit_code == 0, collecting.report()
    tracer.run("sort", "--max-buffer", "0", "-o", str(ordered), str(path), timeout=patience(300))
    with ordered.open() as lines:
        next(lines)  # of the run
        journeys = [json.loads(line) for line in lines]
    seen: set[int] = set()
    crossed = 0
    for journey in journeys:
        assert not any("unjoined" in event for event in journey)
        (number,) = numbers(journey)
        assert number not in seen
        seen.add(number)
        kinds = [event["ovs"]["event_type"] for event in journey]
        assert kinds[:2] == KERNEL[:2]
        crossed += kinds == KERNEL + PROCESS
        assert sorted(kinds) in (sorted(KERNEL), sorted(KERNEL + PROCESS))  # full queues drop packets
    assert seen == set(range(count)), collecting.report()
    assert crossed >= count // 10, f"{crossed} of {count}"
