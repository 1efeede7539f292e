"""What the collector ``skb`` says of packets beside their bytes, against the truth of what was sent."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from tracer_core.testing.patience import patience
from tracer_core.testing.topology.vlan import VLAN_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.vlan import Vlan

pytestmark = pytest.mark.bpf

RECEIVE, TRANSMIT = "tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit"
_PORT = 4711
_SENT = 200_000  # bytes


def _events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


@pytest.mark.parametrize("reads", ["load", pytest.param("probe", marks=pytest.mark.extra)])
def test_a_vlan_tag_is_reported_where_it_is_not_in_the_bytes(
    tracer: Tracer, vlan_netns: Vlan, tmp_path: Path, support: Support, reads: str
) -> None:
    vlan, path = vlan_netns, tmp_path / "events.json"
    namespaces = ("--netns", vlan.a.name, "--netns", vlan.b.name)
    options = ("-c", "skb", "-p", TRANSMIT, *namespaces, "--reads", reads, "-o", str(path), "--print", "-e")
    with tracer.collect(*options, "--format", "single-line") as collecting:
        vlan.a.run(["ping", "-c", "1", "-W", "20", vlan.b.ipv4])
        collecting.wait_for("type 0 code 0", count=2)
    assert collecting.exit_code == 0, collecting.report()
    lines = [line for line in collecting.stdout.splitlines() if "proto ICMP (1)" in line]
    # each passes the VLAN device, which leaves the tag beside the data, and then the one below, whose driver takes it
    tag = f"vlan_accel (ethertype 802.1Q (0x8100) vlan {VLAN_ID} p 0)"
    beside = [line.endswith(tag) for line in lines]
    within = [f"ethertype 802.1Q (0x8100) vlan {VLAN_ID} p 0 ethertype IPv4" in line for line in lines]
    assert len(lines) == 4
    assert not any(a and b for a, b in zip(beside, within, strict=True))
    assert sum(beside) + sum(within) == 2, collecting.stdout
    found = [event["skb"]["vlan_accel"] for event in _events(path) if "skb" in event]
    assert found
    assert all(accel == {"proto": 0x8100, "vid": VLAN_ID, "pcp": 0, "dei": False} for accel in found)
    support.works("VLAN tags beside the data", "yes")


@pytest.mark.parametrize("reads", [pytest.param("load", marks=pytest.mark.extra), "probe"])
def test_large_packets_tell_their_segments_and_lengths_add_up(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path, reads: str
) -> None:
    two, path = two_netns, tmp_path / "events.json"
    namespaces = ("--netns", two.a.name, "--netns", two.b.name)
    options = ("-c", "skb", "--skb-sections", "all", "-p", TRANSMIT, *namespaces, "--reads", reads, "-o", str(path))
    with two.b.entered():
        listener = socket.create_server((two.b.ipv4, _PORT))
    with two.a.entered():
        client = socket.socket()
    with listener, client, tracer.collect(*options) as collecting:
        for end in (listener, client):
            end.settimeout(patience(10))
        client.connect((two.b.ipv4, _PORT))
        server, _ = listener.accept()
        with server:
            server.settimeout(patience(10))
            client.sendall(bytes(_SENT))
            left = _SENT
            while left:
                left -= len(server.recv(left))
    assert collecting.exit_code == 0, collecting.report()
    events = [event for event in _events(path) if "skb" in event]
    assert events
    payload = 0
    for event in events:
        skb, packet = event["skb"], event["packet"]
        meta, ref = skb["meta"], skb["data_ref"]
        assert meta["len"] == packet["len"]
        assert packet["capture_len"] == min(255, meta["len"] - meta["data_len"])
        assert ref["users"] >= 1
        assert ref["dataref"] >= 1
        payload += max(0, meta["len"] - 66)  # Ethernet, IPv4, TCP with timestamps
        if "gso" in skb:
            gso = skb["gso"]
            assert gso["segs"] == -(-(meta["len"] - 66) // gso["size"])
    assert any("gso" in event["skb"] for event in events)
    assert payload >= _SENT
