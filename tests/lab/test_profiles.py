"""Profiles that come with the tool, on traffic, where functions can be probed and packets be filtered."""

from __future__ import annotations

import json
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from tests.lab.verdicts import events

from tracer_core.testing.topology.nftables import ACCEPTED_PORT, DROPPED_PORT

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.nftables import Filtered

pytestmark = pytest.mark.bpf

WAY = [
    *("ip_output", "net:net_dev_queue", "net:net_dev_start_xmit", "skb_scrub_packet"),
    *("net:netif_rx", "net:netif_receive_skb", "ip_rcv", "icmp_rcv"),
]
"""Of a ping from one namespace to another, through places of the profile ``generic``."""

INLINED = ["kprobe:tcp6_gro_receive"]
"""Of its places, what some kernels do not have (7.3)."""


def test_generic_shows_the_way_of_a_ping_through_the_stack(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    two, path = two_netns, tmp_path / "events.json"
    command = f"ip netns exec {two.a.name} ping -n -c 1 {two.b.ipv4}"
    expression = f"icmp[icmptype] == icmp-echo and src {two.a.ipv4}"
    result = tracer.run("-p", "generic", "collect", "-f", expression, "-o", str(path), "--cmd", command)
    assert result.returncode == 0, result.stderr
    assert "Applying profile generic" in result.stderr
    missing = re.findall(r"without probe\(s\) .*: (.*)", result.stderr)
    assert missing in ([], INLINED), result.stderr
    found = sorted(events(path), key=lambda event: event["common"]["timestamp"])
    assert [event["kernel"]["symbol"] for event in found] == WAY
    assert len({json.dumps(event["skb-tracking"]) for event in found}) == 1


@pytest.mark.usefixtures("module_types")
def test_nft_dropmon_shows_what_rules_drop_and_its_packets_can_be_had(
    tracer: Tracer, nft_netns: Filtered, tmp_path: Path
) -> None:
    net, path, capture = nft_netns, tmp_path / "events.json", tmp_path / "drops.pcap"
    send = " ".join(f"echo > /dev/udp/{net.b.ipv4}/{port};" for port in (ACCEPTED_PORT, DROPPED_PORT))
    command = f"ip netns exec {net.a.name} bash -c '{send}'"
    options = ("--allow-system-changes", "-o", str(path), "--cmd", command)
    result = tracer.run("-p", "nft-dropmon", "collect", *options)
    assert result.returncode == 0, result.stderr
    (event,) = events(path)
    assert event["nft"]["verdict"] == "drop"
    assert (event["dev"]["name"], event["netns"]["inum"]) == (net.b.device, net.b.inode)
    assert any(frame.startswith("nft_do_chain") for frame in event["kernel"]["stack_trace"])
    assert net.counters()["dropped"] == 1
    assert tracer.run("-p", "nft-dropmon", "pcap", str(path), "-o", str(capture)).returncode == 0
    reading = ["tcpdump", "-nr", str(capture)]
    (line,) = subprocess.run(reading, check=True, capture_output=True, text=True).stdout.splitlines()
    assert f" > {net.b.ipv4}.{DROPPED_PORT}: " in line
