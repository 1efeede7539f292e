"""Retis' functional tests that need no Open vSwitch: what is typed there, what is sent, and their exact counts."""

from __future__ import annotations

import json
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.lab.retis_networks import (
    CLIENT,
    CLIENT_IN_VLAN,
    FAR,
    SERVER,
    SERVER_IN_VLAN,
    VIRTUAL,
    VLAN,
    three_ns_nat,
    two_ns,
    two_ns_vlan,
)

from tracer_core.kernel.live import LiveKernel
from tracer_core.testing.topology.site import wait

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.namespace import Namespace

pytestmark = pytest.mark.bpf

RECEIVED, SENT = "net:netif_rx", "net:net_dev_start_xmit"
CONNECTION = ["arp", "arp", "S", "S.", ".", "F.", ".", "F.", "."]
"""A TCP connection on which nothing is said, with the question for the neighbour before it."""

_TCP = re.compile(r"flags \[(\S+)\]")


class Seen(NamedTuple):
    """An event, from the file, and as it is printed in a line."""

    event: dict[str, Any]
    text: str

    @property
    def symbol(self) -> str:
        return str(self.event["kernel"]["symbol"])

    @property
    def device(self) -> str:
        return str(self.event["dev"]["name"])

    @property
    def kind(self) -> str:
        """``arp``, ``icmp`` or the flags of TCP."""
        if match := _TCP.search(self.text):
            return match[1]
        return "arp" if "ethertype ARP" in self.text else "icmp"


def seen(tracer: Tracer, path: Path) -> list[Seen]:
    """The events of a file."""
    printed = tracer.run("print", "-e", "--format", "single-line", str(path))
    assert printed.returncode == 0, printed.stderr
    _, *events = [json.loads(line) for line in path.read_text().splitlines()]
    _, *lines = printed.stdout.splitlines()
    return [Seen(event, text) for event, text in zip(events, lines, strict=True)]


def inside(namespace: Namespace, command: str) -> str:
    """What a shell is told to run something in a namespace."""
    return f"ip netns exec {namespace.name} {command}"


def connect(source: Namespace, target: Namespace, port: int) -> str:
    """What a shell is told to open a connection, close it, and wait until the other end does."""
    return inside(source, f"socat -t10 - TCP:{target.ipv4}:{port} </dev/null")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands run."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def listening() -> Iterator[None]:
    """Have a server of TCP on port 80, which closes a connection some time after the other end: not in one segment."""
    command = ["socat", "-t10", "TCP-LISTEN:80,fork,reuseaddr", "SYSTEM:cat >/dev/null; sleep 0.3"]
    with SERVER.popen(command, stdin=subprocess.DEVNULL) as server:
        try:
            wait(lambda: ":80 " in SERVER.run(["ss", "-ltn"]).stdout, "socat does not listen")
            yield
        finally:
            server.terminate()


@pytest.mark.parametrize(
    "expression", ["sk_buff.dev.name == 'veth01'", "sk_buff.dev.nd_net.net.ns.inum == {}"], ids=["text", "number"]
)
def test_a_metadata_filter_leaves_what_arrives_at_one_device(tracer: Tracer, folder: Path, expression: str) -> None:
    path = folder / "events.json"
    with two_ns():
        filters = ("-f", f"icmp and host {SERVER.ipv4}", "-m", expression.format(CLIENT.inode))
        options = ("-c", "skb,dev", *filters, "-p", f"tp:{RECEIVED}", "-o", str(path))
        with tracer.collect(*options) as collecting:
            CLIENT.run(["ping", "-c", "1", SERVER.ipv4])
    assert collecting.exit_code == 0, collecting.report()
    (reply,) = seen(tracer, path)
    assert reply.device == CLIENT.device
    assert f"{SERVER.ipv4} > {CLIENT.ipv4} " in reply.text
    assert reply.text.count("type 0 code 0") == 1


def test_a_run_stops_after_so_many_events(tracer: Tracer, folder: Path) -> None:
    path = folder / "events.json"
    expression = f"icmp and src host {SERVER.ipv4} and icmp[icmptype] == icmp-echoreply"
    command = inside(CLIENT, f"ping -c 10 -i 0.2 {SERVER.ipv4}")
    options = ("-c", "skb", "-p", "net:netif_receive_skb", "-f", expression, "--stop-after", "2", "--cmd", command)
    with two_ns():
        result = tracer.run("collect", "-o", str(path), *options)
    assert result.returncode == 0, result.stderr
    events = seen(tracer, path)
    assert [one.symbol for one in events] == ["net:netif_receive_skb"] * 2
    assert all(f"{SERVER.ipv4} > {CLIENT.ipv4} " in one.text and "type 0 code 0" in one.text for one in events)


def test_the_first_packet_to_a_port_where_nobody_listens_is_the_one_drop(tracer: Tracer, folder: Path) -> None:
    path = folder / "events.json"
    with two_ns():
        result = tracer.run(
            *("collect", "-o", str(path), "-c", "skb-drop,skb,dev", "-f", "tcp", "--cmd", connect(CLIENT, SERVER, 443))
        )
    assert result.returncode == 0, result.stderr
    stats = tracer.run("stats", str(path)).stdout
    assert "Number of events: 1\n" in stats
    assert "  raw_tracepoint/skb:kfree_skb: 1\n" in stats
    first, last = re.findall(r"^(?:First|Last) event at: (.+)$", stats, re.MULTILINE)
    assert first == last
    (drop,) = seen(tracer, path)
    assert drop.event["common"]["task"]["comm"] == "socat"
    has_reasons = LiveKernel().enum("skb_drop_reason") is not None
    assert drop.event["skb-drop"]["drop_reason"] == ("NO_SOCKET" if has_reasons else "NOT_SPECIFIED")
    assert (drop.device, drop.kind) == (SERVER.device, "S")
    assert re.search(rf"{CLIENT.ipv4}\.\d+ > {SERVER.ipv4}\.443 tos 0x0 ttl 64 ", drop.text)


def test_a_connection_becomes_a_capture_of_the_packets_of_one_probe(tracer: Tracer, folder: Path) -> None:
    capture = folder / "retis.pcap"
    probes = ("-p", RECEIVED, "-p", SENT)
    with two_ns(), listening():
        result = tracer.run("collect", "-o", "-f", "tcp port 80 or arp", *probes, "--cmd", connect(CLIENT, SERVER, 80))
    assert result.returncode == 0, result.stderr
    stats = tracer.run("stats").stdout
    assert "Number of events: 18\n" in stats
    assert re.findall(r"^  (\S+): (\d+)$", stats, re.MULTILINE) == [
        (f"raw_tracepoint/{SENT}", "9"),
        (f"raw_tracepoint/{RECEIVED}", "9"),
    ]
    assert tracer.run("pcap", "-p", f"tp:{RECEIVED}", "-o", str(capture)).returncode == 0
    command = ["tcpdump", "-nnr", str(capture)]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert len(lines) == 9
    request, reply, *tcp = lines
    assert f"ARP, Request who-has {SERVER.ipv4} tell {CLIENT.ipv4}" in request
    assert f"ARP, Reply {SERVER.ipv4} is-at " in reply
    assert re.findall(r"Flags \[(\S+)\]", "\n".join(tcp)) == CONNECTION[2:]


def test_a_set_of_files_begins_a_new_one_before_its_size_is_exceeded(tracer: Tracer, folder: Path) -> None:
    receive = inside(SERVER, "socat -u TCP-LISTEN:80,reuseaddr OPEN:/dev/null & ")
    listens = inside(SERVER, "ss -ltn | grep -q ':80 '")
    send = inside(CLIENT, f"socat -u SYSTEM:'head -c 10M /dev/zero' TCP:{SERVER.ipv4}:80")
    command = f"{receive} until {listens}; do :; done; {send}; wait"
    with two_ns():
        for end in (CLIENT, SERVER):  # no larger packets than on a wire
            end.run(["ethtool", "-K", end.device, "tso", "off", "gso", "off", "gro", "off"])
        result = tracer.run(
            *("collect", "-o", "retis.json", "--out-rotate", "1MB", "-f", f"host {CLIENT.ipv4}", "--cmd", command),
        )
    assert result.returncode == 0, result.stderr
    files = {file.name: file.stat().st_size for file in folder.iterdir()}
    assert "retis.json" not in files
    assert {f"retis.json.{number}" for number in range(3)} <= files.keys()
    assert max(files.values()) <= 1_000_000
    for name, numbers in (("retis.json.0..", range(len(files))), ("retis.json.1", [1]), ("retis.json.2", [2])):
        printed = tracer.run("print", name).stdout
        assert re.findall(r"file id (\d+)", printed) == [str(number) for number in numbers]
    stats = tracer.run("stats", "retis.json.0..").stdout
    for told in ("Split index", "Probes", "First event", "Last event"):
        assert stats.count(told) == len(files)
    assert stats.count("tracer cmdline") == 1
    script = folder / "times.py"
    script.write_text("for event in reader.events():\n    if event.kernel:\n        print(event.common.timestamp)\n")
    times = [int(line) for line in tracer.run("python", "--input", "retis.json.0..", str(script)).stdout.splitlines()]
    assert len(times) == sum(int(number) for number in re.findall(r"Number of events: (\d+)", stats))
    assert times == sorted(times)


def test_a_ping_is_two_events_and_a_file_of_three_lines(tracer: Tracer, folder: Path) -> None:
    path, script = folder / "events.json", folder / "test.py"
    script.write_text(
        "for event in reader.events():\n    if event.kernel is not None:\n        print(event.kernel.symbol)\n"
    )
    command = f"{inside(CLIENT, f'ping -c1 {SERVER.ipv4}')}; sleep 1"
    with two_ns():
        result = tracer.run(
            *("collect", "-o", str(path), "-c", "skb,dev,ns", "-f", "icmp", "-p", "ip_rcv", "--cmd", command)
        )
    assert result.returncode == 0, result.stderr
    assert path.read_text().count("\n") == 3
    assert tracer.run("python", "--input", str(path), str(script)).stdout == "ip_rcv\nip_rcv\n"


def test_a_connection_is_told_packet_by_packet_at_the_device_where_each_arrives(tracer: Tracer, folder: Path) -> None:
    path = folder / "events.json"
    with two_ns(), listening():
        result = tracer.run(
            *("collect", "-o", str(path), "-c", "skb,dev", "--skb-sections", "all", "-f", "tcp port 80 or arp"),
            *("-p", RECEIVED, "--cmd", connect(CLIENT, SERVER, 80)),
        )
    assert result.returncode == 0, result.stderr
    events = seen(tracer, path)
    assert [one.kind for one in events] == CONNECTION
    there, back = SERVER.device, CLIENT.device
    assert [one.device for one in events] == [there, back, there, back, there, there, back, back, there]
    assert sum(one.event["common"]["task"]["comm"] == "socat" for one in events) > len(events) / 2


def test_tags_are_beside_the_data_where_devices_do_it_and_in_the_data_elsewhere(tracer: Tracer, folder: Path) -> None:
    path = folder / "events.json"
    with two_ns_vlan(), listening():
        result = tracer.run(
            *("collect", "-o", str(path), "-c", "skb,dev", "--skb-sections", "all", "-p", SENT),
            *("--cmd", connect(CLIENT_IN_VLAN, SERVER_IN_VLAN, 80)),
        )
    assert result.returncode == 0, result.stderr
    events = [one for one in seen(tracer, path) if one.device in {CLIENT.device, SERVER.device}]
    assert [one.kind for one in events] == CONNECTION
    within = re.compile(rf"ethertype 802\.1Q \(0x8100\) vlan {VLAN} p 0 ethertype ")
    for one in events:
        beside = one.event["skb"].get("vlan_accel")
        if one.device == CLIENT.device:
            assert beside == {"proto": 0x8100, "vid": VLAN, "pcp": 0, "dei": False}
            assert not within.search(one.text)
        else:
            assert beside is None
            assert within.search(one.text)


def test_a_translated_packet_stays_one_and_its_reply_is_another(tracer: Tracer, folder: Path) -> None:
    path, sorted_path = folder / "events.json", folder / "sorted.json"
    command = f"{inside(CLIENT, f'ping -c1 {VIRTUAL}')}; sleep 0.1"
    with three_ns_nat():
        result = tracer.run(
            *("collect", "-o", str(path), "-c", "skb,skb-tracking,dev,ns", "-f", f"icmp and host {VIRTUAL}"),
            *("-p", RECEIVED, "--cmd", command),
        )
    assert result.returncode == 0, result.stderr
    request, translated, reply = seen(tracer, path)
    assert [one.device for one in (request, translated, reply)] == [SERVER.device, FAR.device, CLIENT.device]
    for one, ends in (
        (request, f"{CLIENT.ipv4} > {VIRTUAL} "),
        (translated, f"{CLIENT.ipv4} > {FAR.ipv4} "),
        (reply, f"{VIRTUAL} > {CLIENT.ipv4} "),
    ):
        assert ends in one.text
    assert translated.event["skb-tracking"] == request.event["skb-tracking"]
    assert reply.event["skb-tracking"] != request.event["skb-tracking"]
    assert tracer.run("sort", str(path), "-o", str(sorted_path)).returncode == 0
    stats = tracer.run("stats", str(sorted_path)).stdout
    for line in ("Number of series: 2", "Number of events: 3", f"  raw_tracepoint/{RECEIVED}: 3"):
        assert f"{line}\n" in stats
