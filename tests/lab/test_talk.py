"""The examples of a talk that users know, as typed there: over namespaces, address translation and a firewall."""

from __future__ import annotations

import contextlib
import re
import shlex
from typing import TYPE_CHECKING

import pytest
from tests.lab.test_filter import ends

from tracer_core.testing.topology.nat import VIRTUAL
from tracer_core.testing.topology.ovs_nat import TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.topology.nat import Nat
    from tracer_core.testing.topology.ovs_nat import OvsNat

pytestmark = pytest.mark.bpf

TYPED = """
-c skb,nft,ct --skb-sections dev,ns --allow-system-changes
-p tp:net:netif_receive_skb -p tp:net:net_dev_start_xmit -p kprobe:skb_scrub_packet
"""
REQUEST = re.compile(r" proto ICMP \(1\) type 8 ")
OVS_TYPED = """
-c skb,nft,ct,skb-tracking,ovs --ovs-track --allow-system-changes -o
-f "icmp and ip src 192.168.10.10"
-p tp:net:netif_receive_skb -p tp:net:net_dev_start_xmit -p kprobe:skb_scrub_packet
"""
CROSSED = (
    *("ovs_flow_tbl_lookup_stats", "openvswitch:ovs_dp_upcall", "queue_userspace_packet", "ovs_dp_upcall"),
    *("dpif_recv:recv_upcall", "dpif_netlink_operate__:op_flow_put", "dpif_netlink_operate__:op_flow_execute"),
    "openvswitch:ovs_do_execute_action",
)
"""What happens in a bridge to the first packet of a flow."""
_HEAD = re.compile(r"\[(tp|k|fentry)\] (\S+)")


def steps(text: str) -> list[tuple[str, str]]:
    """Symbol and whole text of each event of the request, in order."""
    events = [event for event in text.split("\n\n") if REQUEST.search(event)]
    return [(match[2], event) for event in events if (match := _HEAD.search(event))]


@pytest.mark.usefixtures("module_types")
def test_a_ping_through_a_router_shows_devices_namespaces_verdicts_and_connections(
    tracer: Tracer, nat_netns: Nat, support: Support
) -> None:
    net = nat_netns
    with tracer.collect(*shlex.split(TYPED)) as collecting:
        net.client.run(["ping", "-n", "-c", "1", "-W", "20", VIRTUAL])
    assert collecting.exit_code == 0, collecting.report()
    seen = steps(collecting.stdout)
    passed = [symbol for symbol, _ in seen if symbol != "__nft_trace_packet"]
    wire = ["net:net_dev_start_xmit", "skb_scrub_packet", "net:netif_receive_skb"]
    assert passed == wire * 2, collecting.stdout
    for netns, device, events in (
        (net.client, net.client.device, seen[:1]),
        (net.router, net.router.device, [event for event in seen if event[0] == "net:netif_receive_skb"][:1]),
        (net.server, net.server.device, seen[-1:]),
    ):
        assert all(f"/{netns.inode} ({netns.name}) if " in text and f"({device})" in text for _, text in events)
    decided = [text for symbol, text in seen if symbol == "__nft_trace_packet"]
    assert [re.search(r"table translation \(\d+\) chain (\w+) \(\d+\)", text)[1] for text in decided] == [  # type: ignore[index]
        "prerouting",
        "postrouting",
    ]
    assert all(f"/{net.router.inode} (" in text for text in decided)
    before, after = decided
    connection = r"ct_state NEW status 0x[0-9a-f]+ icmp orig \[{} > {} type 8 code 0 id \d+\] reply \[{} > {} type 0"
    assert re.search(connection.format(net.client.ipv4, VIRTUAL, net.server.ipv4, net.outside.ipv4), after)
    assert "ct_state NEW" in before
    support.works("the talk's second example")


def test_a_packet_filter_and_tracking_follow_a_ping_through_source_translation(
    tracer: Tracer, nat_netns: Nat, tmp_path: Path, support: Support
) -> None:
    net, path = nat_netns, tmp_path / "events.json"
    typed = f"""
    -c skb,skb-tracking,ct -f "icmp and ip src {net.client.ipv4}" -o {path}
    -p tp:net:netif_receive_skb -p tp:net:net_dev_start_xmit -p kprobe:skb_scrub_packet
    """
    with tracer.collect(*shlex.split(typed)) as collecting:
        net.client.run(["ping", "-n", "-c", "1", "-W", "20", VIRTUAL])
    assert collecting.exit_code == 0, collecting.report()
    shown = tracer.run("sort", str(path)).stdout
    (journey,) = [text for text in shown.split("\n\n") if ends(text)]
    translated = (net.outside.ipv4, net.server.ipv4, 8)
    assert ends(journey) == [(net.client.ipv4, VIRTUAL, 8)] * 3 + [translated] * 3
    support.works("the talk's filter example")


@pytest.mark.usefixtures("module_types")
def test_a_ping_through_two_bridges_and_a_translation_is_one_journey(
    tracer: Tracer, ovs_nat_with_probes: OvsNat, support: Support, tmp_path: Path
) -> None:
    net = ovs_nat_with_probes
    ping = ["ping", "-n", "-c", "1", "-W", "20", net.server.ipv4]
    net.client.run(ping)  # neighbours are found, so the next one is all that goes up
    net.forget_flows()
    with contextlib.chdir(tmp_path):  # where the file without a name goes
        with tracer.collect(*shlex.split(OVS_TYPED)) as collecting:
            net.client.run(ping)
        assert collecting.exit_code == 0, collecting.report()
        shown = tracer.run("sort").stdout
    _, *series = shown.strip().split("\n\n")
    (journey,) = [text for text in series if "net:net_dev_start_xmit" in text]
    events = re.split(r"\n  ↳ ", journey)
    symbols = [match[1] for text in events if (match := re.search(r"\[(?:tp|k|kr|fentry|fexit|u)\] (\S+)", text))]
    wire = ["net:net_dev_start_xmit", "skb_scrub_packet", "net:netif_receive_skb"]
    assert [symbol for symbol in symbols if symbol != "__nft_trace_packet"] == [
        *(*wire, *CROSSED, "net:netif_receive_skb"),
        *("net:net_dev_start_xmit", *CROSSED, *wire),
    ], shown
    decided = [text for text in events if "] __nft_trace_packet" in text]
    assert [re.search(rf"table {TABLE} \(\d+\) chain (\w+)", text)[1] for text in decided] == [  # type: ignore[index]
        "prerouting",
        "forward",
        "postrouting",
    ]
    numbers = [int(match[1]) for text in events if (match := re.search(r" n (\d+)$", text.splitlines()[0]))]
    assert numbers == list(range(len(events)))
    packets = [match[1] for text in events if (match := re.search(r"^ +(\S+ > \S+) tos", text, re.MULTILINE))]
    before, after = f"{net.client.ipv4} > {net.server.ipv4}", f"{net.bridge_ext.ipv4} > {net.server.ipv4}"
    assert packets == [before] * packets.index(after) + [after] * (len(packets) - packets.index(after))
    outputs = [match[1] for text in events if (match := re.search(r"exec oport \d+ q \d+ to (\S+) latency", text))]
    assert outputs == [net.bridge_int.device, net.port_ext.device]
    support.works("the talk's last example")
