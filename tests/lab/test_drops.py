"""Why packets are dropped, against what was done to have them dropped."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from tests.lab.traffic import refusing_socket, send_datagram

from tracer_core.kernel.live import LiveKernel
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.openvswitch import OpenVSwitch

pytestmark = pytest.mark.bpf

CLOSED, DROPPED = 4711, 4712
"""UDP ports: nobody listens; the switch drops what is for it."""

_FLOW = re.compile(rf"udp\(.*dst={DROPPED}\), packets:(\d+), .*actions:drop")


def drops(path: Path) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line["skb-drop"] for line in lines if "skb-drop" in line]


def test_a_drop_has_the_reason_that_the_kernel_has_for_it(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, support: Support
) -> None:
    two, path = two_netns, tmp_path / "events.json"
    reasons = LiveKernel().enum("skb_drop_reason")
    options = ("-c", "skb_drop", "--netns", two.b.name, "-f", "udp", "-o", str(path), "--print")
    with refusing_socket(two.b) as refusing, tracer.collect(*options) as collecting:
        send_datagram(two.a, two.b, CLOSED)
        send_datagram(two.a, two.b, refusing)
        collecting.wait_for("drop (reason ", count=2)
    assert collecting.exit_code == 0, collecting.report()
    expected = ["NO_SOCKET", "SOCKET_FILTER"] if reasons else ["NOT_SPECIFIED"] * 2
    assert drops(path) == [{"drop_reason": name} for name in expected]
    support.works("drop reasons", "yes" if reasons else "not given")


def test_a_drop_by_open_vswitch_has_a_reason_of_its_own(
    tracer: Tracer, ovs_netns: OpenVSwitch, tmp_path: Path, support: Support
) -> None:
    known = LiveKernel().enum("ovs_drop_reason")
    if not known:
        pytest.skip("this kernel has no drop reasons of Open vSwitch")
    site, path = ovs_netns, tmp_path / "events.json"
    port = site.control("ovs-vsctl", "get", "Interface", site.port_a.device, "ofport").strip()
    site.control(
        "ovs-ofctl", "add-flow", site.switch.device, f"priority=9,in_port={port},udp,tp_dst={DROPPED},actions=drop"
    )
    with tracer.collect("-c", "skb_drop", "-f", f"udp dst port {DROPPED}", "-o", str(path), "--print") as collecting:
        sent, deadline = 0, time.monotonic() + patience(20)
        while dropped(site) < 3:  # the first goes up and is dropped from there; then the kernel has the flow
            assert time.monotonic() < deadline, site.control("ovs-dpctl", "dump-flows")
            send_datagram(site.a, site.b, DROPPED)
            sent += 1
        collecting.wait_for("drop (reason openvswitch/OVS_DROP_EXPLICIT)", count=sent)
    assert collecting.exit_code == 0, collecting.report()
    found = Counter((drop.get("subsys"), drop["drop_reason"]) for drop in drops(path))
    assert found == {("openvswitch", "OVS_DROP_EXPLICIT"): sent}
    support.works("drop reasons of Open vSwitch")


def dropped(site: OpenVSwitch) -> int:
    """How many packets the switch dropped, by its own account."""
    match = _FLOW.search(site.control("ovs-dpctl", "dump-flows"))
    return int(match[1]) if match else 0
