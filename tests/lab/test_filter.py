"""Packets caught by what they look like once, and followed while they change, against the truth of what was sent."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tracer_core.testing.topology.nat import VIRTUAL
from tracer_core.testing.topology.vlan import VLAN_ID

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces
    from tracer_core.testing.topology.nat import Nat
    from tracer_core.testing.topology.vlan import Vlan

pytestmark = pytest.mark.bpf

PROBES = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
_ENDS = re.compile(r"(\d+\.\d+\.\d+\.\d+) > (\d+\.\d+\.\d+\.\d+) .* proto ICMP \(1\) type (\d+)")


def ends(text: str) -> list[tuple[str, str, int]]:
    """Sender, receiver and type of the pings in a text."""
    return [(source, target, int(kind)) for source, target, kind in _ENDS.findall(text)]


def namespaces(*names: str) -> list[str]:
    return [word for name in names for word in ("--netns", name)]


def test_a_packet_that_matched_is_followed_through_address_translation(
    tracer: Tracer, nat_netns: Nat, tmp_path: Path, support: Support
) -> None:
    net, path, out = nat_netns, tmp_path / "events.arrow", tmp_path / "sorted.json"
    where = namespaces(net.client.name, net.router.name, net.server.name)
    options = ("-c", "skb,skb_tracking", *PROBES, *where, "-f", f"icmp and ip src {net.client.ipv4}")
    with tracer.collect(*options, "-o", str(path), "--print", "--format", "single-line") as collecting:
        net.client.run(["ping", "-n", "-c", "1", "-W", "20", VIRTUAL])
        net.client.run(["ping", "-n", "-c", "1", "-W", "20", net.router.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    seen = ends(collecting.stdout)
    translated = (net.outside.ipv4, net.server.ipv4, 8)
    assert set(seen) == {(net.client.ipv4, VIRTUAL, 8), translated, (net.client.ipv4, net.router.ipv4, 8)}
    assert tracer.run("sort", str(path), "-o", str(out)).returncode == 0
    _, *series = [json.loads(line) for line in out.read_text().splitlines()]
    texts = tracer.run("print", str(out), "--format", "single-line").stdout.split("\n\n")
    journeys = [set(ends(text)) for text in texts if ends(text)]
    assert sorted(journeys, key=len) == [
        {(net.client.ipv4, net.router.ipv4, 8)},
        {(net.client.ipv4, VIRTUAL, 8), translated},
    ]
    assert all(len({_identity(one) for one in some}) == 1 for some in series)
    support.works("packet filter and NAT")


def _identity(event: dict[str, Any]) -> tuple[int, int]:
    section = event["skb-tracking"]
    return section["timestamp"], section["orig_head"]


# a function that frees its packets may not show them when it returns: by then, what lies there is the allocator's
@pytest.mark.parametrize("probe", ["fentry:ip_rcv", "kprobe:ip_rcv", "fexit:ip_rcv", "kretprobe:ip_rcv"])
def test_at_functions_and_their_returns_only_packets_that_match_are_reported(
    tracer: Tracer, two_netns: TwoNamespaces, probe: str, support: Support
) -> None:
    two = two_netns
    options = ("-c", "skb", "-p", probe, *namespaces(two.a.name, two.b.name), "-f", f"icmp and src {two.a.ipv4}")
    with tracer.collect(*options, "--format", "single-line") as collecting:
        two.run(two.a, ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "20", two.b.ipv4])
        two.run(two.b, ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "20", two.a.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    events = collecting.stdout.splitlines()
    # both requests of a, and its replies to those of b
    assert len(events) == 4, collecting.stdout
    assert all(source == two.a.ipv4 for source, *_ in ends(collecting.stdout))
    support.works(f"packet filter, {probe.partition(':')[0]}")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (f"vlan {VLAN_ID} and icmp", 4),
        pytest.param(f"vlan {VLAN_ID + 1}", 0, marks=pytest.mark.extra),
        pytest.param("icmp", 6, marks=pytest.mark.extra),
    ],
)
def test_a_tag_counts_whether_it_is_in_the_bytes_or_beside_them(
    tracer: Tracer, vlan_netns: Vlan, expression: str, found: int
) -> None:
    vlan = vlan_netns
    options = ("-c", "skb", *PROBES, *namespaces(vlan.a.name, vlan.b.name), "-f", expression)
    with tracer.collect(*options, "--format", "single-line") as collecting:
        vlan.a.run(["ping", "-n", "-c", "1", "-W", "20", vlan.b.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    # both the request and the reply pass the VLAN device, which gives them their tags, and the wire at both ends
    assert len(ends(collecting.stdout)) == found, collecting.stdout
