"""What a run says at its end, of traffic of which everything is known."""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

PORT, DATAGRAMS = 7777, 5


def test_the_end_of_a_run_says_what_was_seen(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    where = ("-p", "tp:net:netif_receive_skb", "--netns", two.b.name, "-f", f"udp dst port {PORT}")
    with tracer.collect("-c", "skb_tracking,skb_drop,skb", *where, "--sort") as collecting:
        with two.a.entered():
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender:
            for _ in range(DATAGRAMS):
                sender.sendto(b"nobody listens", (two.b.ipv4, PORT))
        collecting.wait_for("NO_SOCKET", count=DATAGRAMS)
    assert collecting.exit_code == 0
    said = collecting.stderr.splitlines()
    end = said.index(f"{2 * DATAGRAMS} event(s) processed")
    seen, dropped = said[end + 1 :]
    assert re.fullmatch(
        rf"seen in \d+\.\d s: {DATAGRAMS} packet\(s\), {DATAGRAMS} journey\(s\), 0 event\(s\) lost", seen
    )
    assert dropped == f"dropped: {DATAGRAMS} NO_SOCKET"
