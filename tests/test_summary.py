"""What a run says at its end, of traffic of which everything is known."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from scripts.pages.likeness import alike

from tracer_skb_drop import plugin

if TYPE_CHECKING:
    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

PORT, DATAGRAMS = 7777, 5


@pytest.mark.bpf
def test_the_end_of_a_run_says_what_was_seen(
    tracer: Tracer, two_netns: TwoNamespaces, shown: tuple[Block, ...]
) -> None:
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
    end = said[said.index(f"{2 * DATAGRAMS} event(s) processed") :]
    (block,) = shown
    assert alike(block.lines, [], end)
    assert f"{DATAGRAMS} packet(s), {DATAGRAMS} journey(s), 0 event(s) lost" in end[1]


def test_the_tally_on_its_page_is_that_of_drops(shown: tuple[Block, ...]) -> None:
    (block,) = shown
    found = eval(block.text, vars(plugin))  # noqa: S307 - our own page
    assert found.tallies == plugin.tracer_collector().tallies
