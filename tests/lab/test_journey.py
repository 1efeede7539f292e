"""What ``make lab-demo`` shows."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lab.journey import PREFIX
from lab.notes import probes
from tracer_core.testing.namespace import FOLDER
from tracer_core.testing.patience import patience
from tracer_core.testing.pytest_plugin import or_unavailable, unavailable
from tracer_core.testing.topology.ovs_nat import ovs_nat_namespaces

if TYPE_CHECKING:
    from tracer_core.testing.topology.ovs_nat import OvsNat

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.bpf
@pytest.mark.extra
@pytest.mark.usefixtures("module_types")
def test_the_demo_of_the_lab_shows_a_ping_from_device_to_device_and_leaves_nothing(root: None) -> None:
    # gone again before the demo makes its own: it would not know which daemon is meant
    with or_unavailable(), ovs_nat_namespaces("tracer-test") as net:
        if not probes(net.program):
            unavailable("openvswitch", f"{net.program} has no USDT probes: python -m lab ovs says why")
    command = [sys.executable, "-m", "lab.journey"]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=patience(60), cwd=ROOT)
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    shown = result.stdout.partition("$ tracer sort")[2]
    _, _, events = shown.split("\n\n", 2)  # after the event of the start, which has the command line
    places = [events.find(text) for text in _steps(net)]
    assert -1 not in places, said
    assert places == sorted(places), said
    left = [path.name for folder in (FOLDER, Path(tempfile.gettempdir())) for path in folder.glob(f"{PREFIX}-*")]
    assert left == []


def _steps(net: OvsNat) -> list[str]:
    return [
        "[tp] net:net_dev_start_xmit",
        "skb_scrub_packet",
        "[tp] net:netif_receive_skb",
        "[tp] openvswitch:ovs_dp_upcall",
        "[u] dpif_recv:recv_upcall",
        "[u] dpif_netlink_operate__:op_flow_put",
        "[u] dpif_netlink_operate__:op_flow_execute",
        f"to {net.bridge_int.device}",
        "chain prerouting",
        "chain forward",
        "chain postrouting",
        f"  {net.bridge_ext.ipv4} > {net.server.ipv4} ",
    ]
