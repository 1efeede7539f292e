"""What the collector ``ct`` says of connections through a router, against what the kernel's own tools list."""

from __future__ import annotations

import base64
import json
import re
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest
from tests.lab.connections import connected, entries, events, exchange, listed, listed_tuples, of, reported_tuples

from tracer_core.testing.patience import patience
from tracer_core.testing.topology import nftables
from tracer_core.testing.topology.nat import VIRTUAL

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.topology.nat import Nat

pytestmark = pytest.mark.bpf

TRANSMIT = "tp:net:net_dev_start_xmit"  # behind all hooks of the router
PORT, REFUSED, UNTRACKED, ZONED, EXPECTED = 4711, 4712, 4713, 4714, 4715
MARK, LABEL, ZONE = 42, 65, 7
CLIENT_IPV6, ROUTER_IPV6 = "fd00::1", "fd00::254"
EXPERIMENTAL = 253  # a protocol that nobody speaks, RFC 3692
SEEN_REPLY, ASSURED = 2, 4  # of IPS_*
RULES = f"""
table inet tracking {{
    chain raw {{
        type filter hook prerouting priority raw;
        udp dport {UNTRACKED} notrack
        udp dport {ZONED} ct zone set {ZONE}
        udp sport {ZONED} ct zone set {ZONE}
    }}
    chain marked {{
        type filter hook prerouting priority mangle;
        tcp dport {PORT} ct mark set {MARK}
        tcp dport {PORT} ct label set {LABEL}
    }}
}}
"""
EXPECTING = f"""
table inet expecting {{
    ct expectation data {{
        protocol tcp
        dport {EXPECTED}
        timeout 10m
        size 4
        l3proto ip
    }}
    chain marked {{
        type filter hook prerouting priority mangle;
        tcp dport {PORT} ct state new ct expectation set data
    }}
}}
"""


@pytest.fixture
def router(nat_netns: Nat) -> Nat:
    """The network with a router that also marks, labels and exempts."""
    nftables.load(nat_netns.router, RULES)
    return nat_netns


def arguments(net: Nat, path: Path, *more: str) -> tuple[str, ...]:
    return ("-c", "ct", "-p", TRANSMIT, "--netns", net.router.name, "-o", str(path), "--print", *more)


@pytest.mark.parametrize("reads", ["load", pytest.param("probe", marks=pytest.mark.extra)])
def test_translated_connections_are_those_that_the_kernel_lists(
    tracer: Tracer, router: Nat, tmp_path: Path, support: Support, reads: str
) -> None:
    path = tmp_path / "events.json"
    with (
        tracer.collect(*arguments(router, path, "--reads", reads)) as collecting,
        connected(router.client, router.server, PORT, VIRTUAL),
    ):
        router.client.run(["ping", "-n", "-c", "2", "-i", "0.2", "-W", "20", VIRTUAL])
        exchange(router, ZONED)
        assert collecting.stop() == 0, collecting.report()
        found = events(path)
        tcp, udp, icmp = (of(found, *which)[-1] for which in (("tcp", PORT), ("udp", ZONED), ("icmp",)))
        lines = [listed(router, ct) for ct in (tcp, udp, icmp)]
    assert f" {tcp['proto_state']} " in lines[0]
    assert (tcp["mark"], tcp["labels"]) == (MARK, {"hi": 1 << LABEL - 64, "lo": 0})
    assert f" mark={MARK} " in lines[0]
    assert tcp["ct_status"] & ASSURED
    assert "[ASSURED]" in lines[0]
    assert (udp["zone_id"], udp["zone_dir"]) == (ZONE, "Default")
    assert f" zone={ZONE} " in lines[1]
    assert all(ct["ct_status"] & SEEN_REPLY for ct in (tcp, udp, icmp))
    assert all(ct["orig"]["ip"]["dst"] == VIRTUAL for ct in (tcp, udp, icmp))
    assert all(
        ct["reply"]["ip"] == {"src": router.server.ipv4, "dst": router.outside.ipv4, "version": "v4"}
        for ct in (tcp, udp, icmp)
    )
    assert [ct["state"] for ct in of(found, "icmp")] == ["new", "reply", "established", "reply"]
    states = [ct["proto_state"] for ct in of(found, "tcp", PORT)]
    assert states[:3] == ["SYN_SENT", "SYN_RECV", "ESTABLISHED"]
    support.works("conntrack entries", "yes")


def test_associations_of_sctp_are_those_that_the_kernel_lists(
    tracer: Tracer, router: Nat, tmp_path: Path, support: Support
) -> None:
    path = tmp_path / "events.json"
    client, server = router.client, router.server
    options = ("-c", "ct,skb", *arguments(router, path)[2:])
    with (
        tracer.collect(*options) as collecting,
        connected(client, server, PORT, VIRTUAL, socket.IPPROTO_SCTP),
    ):
        assert collecting.stop() == 0, collecting.report()
        found = [line for line in map(json.loads, path.read_text().splitlines()) if "sctp" in protocols(line)]
        listing = listed(router, found[-1]["ct"])
    states = [event["ct"]["proto_state"] for event in found]
    # closed: only the first packet of the original direction was seen
    assert list(dict.fromkeys(states)) == ["CLOSED", "COOKIE_WAIT", "COOKIE_ECHOED", "ESTABLISHED"]
    assert f" {states[-1]} " in listing
    assert "[ASSURED]" in listing
    spoken = [event for event in found if event["ct"]["proto_state"] == "ESTABLISHED"]
    for event in spoken:
        # what a packet carries is what its receiver asked for: each direction has its own
        side = "reply" if event["ct"]["state"] == "reply" else "orig"
        (tag,) = struct.unpack_from(">I", base64.b64decode(event["packet"]["data"]), 14 + 20 + 4)
        assert event["ct"][side]["proto"]["sctp"]["vtag"] == tag
    assert len({event["ct"]["state"] for event in spoken}) == 2
    assert re.search(r"sctp \(ESTABLISHED\) orig \[\S+ > \S+ vtag 0x[0-9a-f]+\]", collecting.stdout), collecting.stdout
    support.works("conntrack entries of SCTP")


def protocols(event: dict[str, Any]) -> set[str]:
    """Of which the connection of an event is."""
    return set(event["ct"]["orig"]["proto"]) if "ct" in event else set()


def test_an_expected_connection_tells_its_parent(tracer: Tracer, router: Nat, tmp_path: Path, kernel: str) -> None:
    if kernel == "5.10":
        pytest.skip("such a rule destroys memory of Debian's 5.10, whether anybody traces or not")
    nftables.load(router.router, EXPECTING)
    path, client, server = tmp_path / "events.json", router.client, router.router
    with (
        tracer.collect(*arguments(router, path)) as collecting,
        connected(client, server, PORT),
        connected(server, client, EXPECTED),  # as FTP does in active mode
    ):
        assert collecting.stop() == 0, collecting.report()
    found = events(path)
    [child, *_] = of(found, "tcp", EXPECTED)
    [parent, *_] = of(found, "tcp", PORT)
    assert child["state"] == "related"
    assert reported_tuples(child["parent"]) == reported_tuples(parent)
    assert child["parent"]["mark"] == MARK
    assert "parent" not in parent
    assert "\\ parent [status " in collecting.stdout


def test_an_error_is_related_to_the_connection_that_it_is_about(tracer: Tracer, router: Nat, tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    with router.client.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client, tracer.collect(*arguments(router, path)) as collecting:
        client.settimeout(patience(10))
        client.connect((VIRTUAL, REFUSED))
        client.send(b"question")
        with pytest.raises(ConnectionRefusedError):
            client.recv(100)
        assert collecting.stop() == 0, collecting.report()
    there, back = of(events(path), "udp", REFUSED)
    assert (there["state"], back["state"]) == ("new", "related_reply")
    assert reported_tuples(there) == reported_tuples(back)


@pytest.mark.extra
def test_icmp_of_version_6_has_the_form_of_icmp(tracer: Tracer, router: Nat, tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    for end, address in ((router.client, CLIENT_IPV6), (router.router, ROUTER_IPV6)):
        end.run(["ip", "addr", "add", f"{address}/64", "dev", end.device, "nodad"])
    with tracer.collect(*arguments(router, path)) as collecting:
        router.client.run(["ping", "-n", "-c", "1", "-W", "20", ROUTER_IPV6])
        assert collecting.stop() == 0, collecting.report()
    [reply] = [ct for ct in of(events(path), "icmp") if ct["orig"]["proto"]["icmp"]["type"] == 128]
    assert reply["state"] == "reply"
    assert reply["reply"]["proto"]["icmp"]["type"] == 129
    assert reply["orig"]["ip"] == {"src": CLIENT_IPV6, "dst": ROUTER_IPV6, "version": "v6"}
    assert any(listed_tuples(line) == reported_tuples(reply) for line in entries(router.router, "ipv6"))


def test_what_retis_has_no_form_for_is_in_a_section_of_its_own(tracer: Tracer, router: Nat, tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    with tracer.collect(*arguments(router, path)) as collecting:
        with router.client.entered():
            gre, other = (socket.socket(socket.AF_INET, socket.SOCK_RAW, n) for n in (socket.IPPROTO_GRE, EXPERIMENTAL))
            datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with gre, other, datagram:
            gre.sendto(bytes.fromhex("00000800") + bytes(20), (router.server.ipv4, 0))
            other.sendto(b"anything", (router.server.ipv4, 0))
            datagram.sendto(b"anything", (router.server.ipv4, UNTRACKED))
            collecting.wait_for("ct_state UNTRACKED\n")
        assert collecting.stop() == 0, collecting.report()
    found = events(path, "ct-other")
    assert [other["state"] for other in found if "connection" not in other] == ["untracked"]
    tracked = [other["connection"] for other in found if other["state"] == "new"]
    protos = [connection["orig"]["proto"] for connection in tracked]
    assert {"gre": {"srckey": 0, "dstkey": 0}} in protos
    assert {"other": {"number": EXPERIMENTAL, "sport": 0, "dport": 0}} in protos
    for connection in tracked:
        assert connection["orig"]["ip"] == {"src": router.client.ipv4, "dst": router.server.ipv4, "version": "v4"}
        assert connection["reply"]["ip"]["dst"] == router.outside.ipv4
