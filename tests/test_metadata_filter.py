"""``tracer collect -m``: what matches by its metadata is reported, and nothing else."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

SENT, DROPPED = ("-p", "tp:net:net_dev_start_xmit"), ("-p", "tp:skb:kfree_skb")
RECEIVED = ("-p", "tp:net:netif_receive_skb")
MARKED, PLAIN = 4711, 4712  # ports


def ports(tracer: Tracer, two: TwoNamespaces, *arguments: str) -> list[int]:
    """The ports of datagrams that are reported: of one with mark 256 and 10 bytes, and one without and 20."""
    where = ("--netns", two.a.name, "--netns", two.b.name)
    with tracer.collect("-c", "skb", *where, "--format", "single-line", *arguments) as collecting:
        for port, mark, size in ((MARKED, 0x100, 10), (PLAIN, 0, 20)):
            with two.a.entered():
                sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with sender:
                sender.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
                sender.sendto(bytes(size), (two.b.ipv4, port))
    assert collecting.exit_code == 0, collecting.report()
    events = [event for event in collecting.stdout.splitlines() if "proto UDP" in event]
    return [port for event in events for port in (MARKED, PLAIN) if f".{port} " in event]


@pytest.mark.bpf
@pytest.mark.parametrize("reads", ["load", "probe"])
@pytest.mark.parametrize(
    "case",
    [
        (SENT, "sk_buff.mark == 0x100", [MARKED]),
        (SENT, "sk_buff.mark:0x1ff != 0x100", [PLAIN]),
        (SENT, "sk_buff.pkt_type == 0x0 || (sk_buff.mark == 0x100 && sk_buff.cloned == 0)", [MARKED, PLAIN]),
        (SENT, "sk_buff.dev.name == '{device}' and not sk_buff.mark", [PLAIN]),
        (SENT, 'sk_buff.dev.name == "eno1"', []),
        (SENT, "sk_buff.dev:~0.name != 'eno1' and sk_buff.len < 60", [MARKED]),
        (SENT, "sk_buff.dev.nd_net.net.ns.inum == {inode}", [MARKED, PLAIN]),
        (SENT, "sk_buff.dev.nd_net.net.ns.inum != {inode}", []),
        (SENT, "sk_buff.sk.sk_protocol == IPPROTO_UDP and net_device.ifindex > 0", [MARKED, PLAIN]),
        (SENT, "sk_buff.sk:0xffffffffffffffff:sock.sk_mark", [MARKED]),
        (SENT, "sk_buff.protocol == 0x0008 and skb:~0.len >= 60", [PLAIN]),
        (SENT, "sk_buff.dev.dev_addr == {address} and dev.mtu > 68", [MARKED, PLAIN]),
        (SENT, "sk_buff.dev.dev_addr != {address}/24", []),
        (SENT, "not (sk_buff.mark == 0x100 or sk_buff.mark == 3)", [PLAIN]),
        # on its way to nowhere: whatever it is not, it is not said to be
        (SENT, "sk_buff._nfct:~0x7:nf_conn.mark or not sk_buff._nfct:~0x7:nf_conn.mark", []),
        (DROPPED, "reason == SKB_DROP_REASON_NO_SOCKET and sk_buff.mark", []),
        (DROPPED, "reason == SKB_DROP_REASON_NO_SOCKET", [MARKED, PLAIN]),
        (DROPPED, "skb_drop_reason != SKB_DROP_REASON_NO_SOCKET", []),
    ],
)
def test_only_what_matches_is_reported(
    tracer: Tracer, two_netns: TwoNamespaces, reads: str, case: tuple[tuple[str, ...], str, list[int]]
) -> None:
    probes, expression, expected = case
    here = two_netns.a
    (link,) = json.loads(here.run(["ip", "-j", "link", "show", here.device]).stdout)
    text = expression.format(inode=here.inode, device=here.device, address=link["address"])
    assert ports(tracer, two_netns, *probes, "-m", text, "--reads", reads) == expected


@pytest.mark.bpf
def test_several_filters_of_both_kinds_must_all_match(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    both = ("-m", "sk_buff.len > 30", "-m", "sk_buff.mark == 0x100")
    assert ports(tracer, two_netns, *SENT, *both) == [MARKED]
    assert ports(tracer, two_netns, *SENT, *both, "-f", f"udp port {PLAIN}") == []
    assert ports(tracer, two_netns, *SENT, *both, "-f", f"udp port {MARKED}") == [MARKED]


@pytest.mark.bpf
def test_what_matched_once_is_followed_where_the_filter_does_not_match(
    tracer: Tracer, two_netns: TwoNamespaces
) -> None:
    # a mark is gone in the next namespace
    assert ports(tracer, two_netns, *SENT, *RECEIVED, "-m", "sk_buff.mark == 0x100") == [MARKED, MARKED]
    assert ports(tracer, two_netns, *RECEIVED, "-m", "sk_buff.mark == 0x100") == []


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("sk_buff.makr", "character 9, at 'makr': struct sk_buff has no member makr; did you mean mark"),
        ("sk_buff.mark = 1", "character 14, at '= 1': values are compared with '=='"),
        ("no_such.mark", "character 1, at 'no_such.mark': no probe has an argument of type or name no_such"),
        ("retval < 0", "character 1, at 'retval < 0': no probe is at a return"),
    ],
)
def test_a_filter_that_cannot_be_is_one_line(tracer: Tracer, expression: str, reason: str) -> None:
    result = tracer.run("collect", "-c", "skb", *SENT, "-m", expression, "--dry-run")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert reason in result.stderr


def test_the_plan_says_where_the_filter_is_asked(tracer: Tracer) -> None:
    result = tracer.run("collect", "-c", "skb", *SENT, *DROPPED, "-m", "reason == 2", "--dry-run")
    assert "metadata filter (reason == 2)\n" in result.stdout
    assert result.stdout.count("\n  metadata filter: never\n") == 1
    assert result.stdout.count("\n  metadata filter\n") == 1
