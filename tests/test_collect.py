"""``tracer collect`` on real traffic, against what the kernel's own packet sockets saw."""

from __future__ import annotations

import re
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tracer_skb.text import format_packet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import Namespace, TwoNamespaces

pytestmark = pytest.mark.bpf

RECEIVE, TRANSMIT = "tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit"
_ETH_P_ALL = 3
_PORT = 7777
_HEAD = re.compile(r"^\d+ \(\d+\) \[.*\] \d+(?:/\d+)? \[tp\] (?P<symbol>\S+)(?: (?P<packet>.*))?$")


@contextmanager
def _sniffer(namespace: Namespace) -> Iterator[socket.socket]:
    with namespace.entered():
        sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(_ETH_P_ALL))
    with sniffer:
        sniffer.bind((namespace.device, _ETH_P_ALL))
        sniffer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 24)
        sniffer.setblocking(False)
        yield sniffer


def _received(sniffer: socket.socket) -> list[bytes]:
    frames: list[bytes] = []
    while True:
        try:
            frame, (_, _, kind, *_) = sniffer.recvfrom(65536)
        except BlockingIOError:
            return frames
        if kind != socket.PACKET_OUTGOING:
            frames.append(frame)


def _exchange(two: TwoNamespaces) -> None:
    """Some of everything that the text knows: ARP, ICMP, ICMPv6, UDP, TCP with options."""
    two.run(two.a, ["ping", "-c", "2", "-i", "0.1", "-s", "600", two.b.ipv4])
    two.run(two.a, ["ping", "-c", "1", two.b.ipv6])
    for family, address in ((socket.AF_INET, two.b.ipv4), (socket.AF_INET6, two.b.ipv6)):
        with two.b.entered():
            server = socket.socket(family, socket.SOCK_STREAM)
            receiver = socket.socket(family, socket.SOCK_DGRAM)
        with two.a.entered():
            client = socket.socket(family, socket.SOCK_STREAM)
            sender = socket.socket(family, socket.SOCK_DGRAM)
        with server, receiver, client, sender:
            server.bind((address, _PORT))
            server.listen()
            receiver.bind((address, _PORT))
            client.connect((address, _PORT))
            peer, _ = server.accept()
            with peer:
                client.sendall(b"tracer" * 20)
                assert peer.recv(200)
            sender.sendto(b"x" * 300, (address, _PORT))
            assert receiver.recv(400)


def _events(text: str) -> list[tuple[str, str]]:
    """(symbol, packet) of single-line text."""
    matches = [_HEAD.match(line) for line in text.splitlines()]
    assert all(matches)
    return [(m["symbol"], m["packet"] or "") for m in matches if m]


def _between_pings(events: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """From the first ping of an exchange to the mark at its end: what was there for every tracer."""
    first = next(at for at, (_, packet) in enumerate(events) if "len 628" in packet)
    last = max(at for at, (_, packet) in enumerate(events) if "len 361" in packet)
    return events[first : last + 1]


def _mark_end(two: TwoNamespaces) -> str:
    """A last packet that nothing else looks like."""
    two.run(two.a, ["ping", "-c", "1", "-s", "333", two.b.ipv4])
    return "len 361"


def test_every_packet_received_is_shown_once_in_order_as_a_packet_socket_saw_it(
    tracer: Tracer, two_netns: TwoNamespaces
) -> None:
    two = two_netns
    with _sniffer(two.b) as sniffer:
        arguments = ("-c", "skb", "-p", RECEIVE, "--netns", two.b.name, "-e", "--format", "single-line")
        with tracer.collect(*arguments) as collecting:
            _received(sniffer)  # what came before
            _exchange(two)
            collecting.wait_for(_mark_end(two))
        frames = _received(sniffer)
    assert collecting.exit_code == 0
    events = _events(collecting.stdout)
    assert {symbol for symbol, _ in events} == {"net:netif_receive_skb"}
    assert f"{len(events)} event(s) processed" in collecting.stderr
    expected = [("net:netif_receive_skb", format_packet(frame[:255], link_layer=True)) for frame in frames]
    # both may see a few packets of the neighbours' housekeeping while the other is not there
    assert _between_pings(events) == _between_pings(expected)
    text = "\n".join(packet for _, packet in events)
    for word in ("proto TCP", "proto UDP", "proto ICMP ", "proto ICMPv6", "mss ", "TS val", "ethertype IPv6"):
        assert word in text


def test_plain_loads_and_probe_reads_give_the_same_events(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    namespaces = ("--netns", two.a.name, "--netns", two.b.name)
    common = ("-c", "skb", "-p", RECEIVE, "-p", TRANSMIT, *namespaces, "--format", "single-line", "-e")
    with (
        tracer.collect(*common, "--reads", "load") as load,
        tracer.collect(*common, "--reads", "probe") as probe,
    ):
        _exchange(two)
        last = _mark_end(two)
        load.wait_for(last, count=4)
        probe.wait_for(last, count=4)
    by_load, by_probe = _between_pings(_events(load.stdout)), _between_pings(_events(probe.stdout))
    assert len(by_load) > 20
    # two CPUs may take their places in the two rings in different order
    assert sorted(by_load) == sorted(by_probe)


def test_only_packets_of_the_given_namespaces_are_shown(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    arguments = ("-c", "skb", "-p", RECEIVE, "-p", TRANSMIT, "--format", "single-line")
    with (
        tracer.collect(*arguments, "--netns", str(two.a.path)) as by_path,
        tracer.collect(*arguments, "--netns", str(two.b.inode)) as by_inode,
    ):
        two.run(two.a, ["ping", "-c", "1", "-s", "333", two.b.ipv4])
        by_path.wait_for("type 0 code 0")
        by_inode.wait_for("type 0 code 0")
    pings_a = [event for event in _events(by_path.stdout) if "len 361" in event[1]]
    pings_b = [event for event in _events(by_inode.stdout) if "len 361" in event[1]]
    # the request leaves a and comes to b, the reply leaves b and comes to a
    left, came = "net:net_dev_start_xmit", "net:netif_receive_skb"
    assert [(symbol, "type 8" in packet) for symbol, packet in pings_a] == [(left, True), (came, False)]
    assert [(symbol, "type 8" in packet) for symbol, packet in pings_b] == [(came, True), (left, False)]


@pytest.mark.extra
def test_a_recording_replays_to_the_same_text(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> None:
    two = two_netns
    recording = tmp_path / "raw"
    common = ("-c", "skb", "-p", RECEIVE, "--netns", two.b.name)
    with tracer.collect(*common, "--record-raw", str(recording)) as collecting:
        _exchange(two)
        collecting.wait_for(_mark_end(two))
    replayed = tracer.run("collect", *common, "--replay-raw", str(recording))
    assert replayed.returncode == 0
    assert replayed.stdout == collecting.stdout
    assert replayed.stdout.count("net:netif_receive_skb") > 10


def test_what_is_sent_is_what_is_shown_plus_what_is_reported_lost(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    counter = f"/sys/class/net/{two.b.device}/statistics/rx_packets"

    def received() -> int:
        return int(two.run(two.b, ["cat", counter]).stdout)

    with two.a.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with two.b.entered():
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender, receiver:
        receiver.bind((two.b.ipv4, _PORT))
        sender.connect((two.b.ipv4, _PORT))
        sender.send(b"")  # neighbours know each other from here on
        with tracer.collect("-c", "skb", "-p", RECEIVE, "--netns", two.b.name, "--format", "single-line") as collecting:
            before = received()
            for _ in range(60_000):
                sender.send(b"x" * 180)
            sent = received() - before
    lost = sum(map(int, re.findall(r"total events lost: (\d+)", collecting.stderr)))
    shown = len(_events(collecting.stdout))
    assert sent >= 60_000
    # a packet of the namespaces' own housekeeping may come between counter and probe
    assert sent <= shown + lost <= sent + 3


def test_a_packet_of_any_size_has_its_stack(two_netns: TwoNamespaces, tracer: Tracer) -> None:
    # the largest packet that an event holds leaves just the room that the stack needs
    two = two_netns
    with tracer.collect("-c", "skb", "-p", f"{RECEIVE}/stack", "--netns", two.b.name) as collecting:
        for size in (56, 1000):
            two.run(two.a, ["ping", "-c", "1", "-s", str(size), two.b.ipv4])
        collecting.wait_for("type 8 code 0", count=2)
    requests = [text for text in collecting.stdout.split("\n\n") if "type 8 code 0" in text]
    for text in requests:
        frames = [line for line in text.splitlines() if line.startswith("    ")]
        assert any("netif_receive_skb" in frame for frame in frames), text
