"""Journeys as they end, where functions tell that packets' data is freed, copied and given away."""

from __future__ import annotations

import socket
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
from tests.journeys import journeys, sorted_afterwards, symbols, unordered
from tests.tracking import Traffic

from tracer_core.testing.topology.nat import VIRTUAL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.journeys import Journey
    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.topology.nat import Nat
    from tracer_core.testing.topology.vxlan import Vxlan

pytestmark = pytest.mark.bpf

PROBES = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
SORTED = ("-c", "skb,skb_tracking", "--sort")
MARK = b"a mark of tests of sorting in the lab"
_ETH_P_ALL = 3


def namespaces(*names: str) -> list[str]:
    return [word for name in names for word in ("--netns", name)]


def identities(journey: Journey) -> set[tuple[int, int]]:
    return {(one["skb-tracking"]["timestamp"], one["skb-tracking"]["orig_head"]) for one in journey}


def test_journeys_through_address_translation_are_whole_and_out_before_the_run_ends(
    tracer: Tracer, nat_netns: Nat, tmp_path: Path, kernel: str, support: Support
) -> None:
    net, path = nat_netns, tmp_path / "live.json"
    where = namespaces(net.client.name, net.router.name, net.server.name)
    frees = "skb_release_data" if kernel == "5.10" else "skb_free_head"  # which is inlined there
    probes = (*PROBES, "-p", "ip_rcv", "-p", frees, "-p", "tp:skb:consume_skb")
    options = (*SORTED, *probes, *where, "-f", "icmp", "-o", str(path), "--print", "--format", "single-line")
    with tracer.collect(*options) as collecting:
        net.client.run(["ping", "-n", "-c", "3", "-W", "20", VIRTUAL])
        # there and back, three times, each at both ends of both links
        collecting.wait_for("net:netif_receive_skb", count=12)
        assert collecting.process.poll() is None
    assert collecting.exit_code == 0, collecting.report()
    found = journeys(path)
    assert unordered(found) == unordered(sorted_afterwards(tracer, path))
    assert all(len(identities(some)) == 1 for some in found)
    assert len(found) == len({min(identities(some)) for some in found})  # none is in two parts
    link = ["net:net_dev_start_xmit", "net:netif_receive_skb"]
    whole = [some for some in found if [name for name in symbols(some) if name in link] == 2 * link]
    assert len(whole) == 6
    # the user's own program where data is freed writes its event before the core says that it was
    assert sum(frees in symbols(some) for some in whole) >= 3
    support.works("sorting while events come")


def test_a_journey_goes_on_where_its_data_is_copied(tracer: Tracer, vxlan_netns: Vxlan, tmp_path: Path) -> None:
    site, path = vxlan_netns, tmp_path / "live.json"
    # a clone of what goes into the tunnel: the tunnel's headers cannot be written to shared data, so it is copied
    with site.a.entered():
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    where = namespaces(*(namespace.name for namespace in site.namespaces))
    probes = (*PROBES, "-p", "pskb_expand_head")
    with sniffer:
        sniffer.bind((site.a.device, 0))
        options = (*SORTED, *probes, *where, "-f", "udp port not 4789", "-o", str(path), "--print")
        with tracer.collect(*options, "--format", "single-line") as collecting:
            with Traffic(site.a, site.b, MARK) as traffic:
                for number in range(5):
                    traffic.send(number, 100)
                    while MARK not in sniffer.recv(2000):
                        pass
            collecting.wait_for("net:netif_receive_skb", count=10)
            assert collecting.process.poll() is None
    assert collecting.exit_code == 0, collecting.report()
    found = journeys(path)
    assert unordered(found) == unordered(sorted_afterwards(tracer, path))
    assert len(found) == len({min(identities(some)) for some in found})
    marked = [some for some in found if any(MARK in b64decode(one["packet"]["data"]) for one in some)]
    assert len(marked) == 5
    for some in marked:
        names = symbols(some)
        assert names.count("net:netif_receive_skb") == 2
        assert names.index("pskb_expand_head") < names.index("net:netif_receive_skb")
