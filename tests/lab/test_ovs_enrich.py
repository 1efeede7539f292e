"""What Open vSwitch says of the flows that packets go by, asked while they pass: against the process itself."""

from __future__ import annotations

import json
import socket
import time
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from scripts.pages.likeness import is_among

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from scripts.pages.blocks import Block
    from tests.lab.support import Support

    from tracer_core.testing.command import Collecting, Tracer
    from tracer_core.testing.topology.openvswitch import OpenVSwitch

pytestmark = [pytest.mark.bpf, pytest.mark.usefixtures("module_types")]

OPTIONS = ("-c", "ovs,skb,skb_tracking", "--ovs-enrich-flows")
PORT, CONNECTIONS = 4711, 100
PAUSE = 50_000_000  # ns, of 20 in a second
# what is moved is looked at: each connection has flows of its own
PER_CONNECTION = (
    "priority=10,tcp,actions=move:NXM_OF_TCP_SRC[]->NXM_NX_REG0[0..15],"
    "move:NXM_OF_TCP_DST[]->NXM_NX_REG0[16..31],NORMAL"
)


def read(path: Path) -> list[dict[str, Any]]:
    """The events of a file, sorted or not."""
    found = []
    for line in path.read_text().splitlines()[1:]:
        values = json.loads(line)
        found += values if isinstance(values, list) else [values]
    return found


def lookups(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event["ovs"] for event in events if event.get("ovs", {}).get("event_type") == "flow_lookup"]


def detraces(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [event for event in events if "ovs-detrace" in event]


def wait_until(collecting: Collecting, path: Path, enough: Callable[[list[dict[str, Any]]], bool]) -> None:
    """Wait until the file has them, while the run goes on."""
    deadline = time.monotonic() + patience(10)
    while not path.exists() or not enough(read(path)):
        assert collecting.process.poll() is None, collecting.report()
        assert time.monotonic() < deadline, collecting.report()
        time.sleep(0.05)


def ping(net: OpenVSwitch, count: int) -> None:
    net.a.run(["ping", "-n", "-c", str(count), "-i", "0.1", "-W", "20", net.b.ipv4])


def key(values: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(values["ufid"]), values["flow"], values["sf_acts"]


def test_each_flow_is_asked_for_once_and_sorting_tells_all_its_look_ups(
    tracer: Tracer, ovs_with_probes: OpenVSwitch, tmp_path: Path, support: Support, shown: tuple[Block, ...]
) -> None:
    net, path, out = ovs_with_probes, tmp_path / "events.json", tmp_path / "sorted.json"
    ping(net, 5)  # afterwards the kernel has the flows, with the actions that they keep
    options = (*OPTIONS, "-f", "icmp", "-o", str(path))
    with tracer.collect(*options) as collecting:
        ping(net, 10)
        wait_until(collecting, path, lambda events: len(detraces(events)) >= 2 and len(lookups(events)) >= 20)
    assert collecting.exit_code == 0, collecting.report()
    events = read(path)
    seen, told = lookups(events), detraces(events)
    assert len(seen) == 20
    assert len(told) == 2
    assert f"{len([event for event in events if 'kernel' in event])} event(s) processed" in collecting.stderr
    dumped = net.control("ovs-appctl", "dpctl/dump-flows", "-m")
    for event in told:
        assert event.keys() == {"common", "ovs-detrace"}
        assert event["common"].keys() == {"timestamp"}
        detrace = event["ovs-detrace"]
        ufid = "".join(f"{part:08x}" for part in detrace["ufid"])
        assert f"ufid:{ufid[:8]}-{ufid[8:12]}-{ufid[12:16]}-{ufid[16:20]}-{ufid[20:]}" in dumped
        assert "eth_type(0x0800)" in detrace["dpflow"]
        assert "actions:" in detrace["dpflow"]
        assert any("actions=NORMAL" in rule for rule in detrace["ofpflows"])
    answers = {key(event["ovs-detrace"]): event["ovs-detrace"] for event in told}
    assert {key(one) for one in seen} == set(answers)
    assert not any(one.get("dpflow") or one.get("ofpflows") for one in seen)

    assert tracer.run("sort", str(path), "-o", str(out)).returncode == 0
    sorted_lookups = lookups(read(out))
    assert len(sorted_lookups) == 20
    for one in sorted_lookups:
        answer = answers[key(one)]
        assert (one["dpflow"], one["ofpflows"]) == (answer["dpflow"], answer["ofpflows"])
    text = tracer.run("sort", str(path)).stdout
    assert text.count("\n  odpflow ") + text.count("\n      odpflow ") == 20
    (block,) = shown
    assert all(is_among(line, text.splitlines()) for line in block.lines), text
    support.works("ovs: flows in the words of Open vSwitch")


@pytest.mark.extra
def test_journeys_that_come_out_while_events_come_have_what_was_answered(
    tracer: Tracer, ovs_with_probes: OpenVSwitch
) -> None:
    net = ovs_with_probes
    ping(net, 5)
    options = (*OPTIONS, "-f", "icmp", "--sort", "--format", "single-line")
    with tracer.collect(*options) as collecting:
        ping(net, 2)
        collecting.wait_for(" openflow:", count=2)  # both flows are known
        before = collecting.stdout.count("odpflow")
        ping(net, 5)
        collecting.wait_for("odpflow", count=before + 10)
    assert collecting.exit_code == 0, collecting.report()


@pytest.mark.extra
def test_so_many_flows_are_asked_for_in_a_second_and_no_more(
    tracer: Tracer, ovs_with_probes: OpenVSwitch, tmp_path: Path
) -> None:
    net, path = ovs_with_probes, tmp_path / "events.json"
    net.control("ovs-ofctl", "add-flow", net.switch.device, PER_CONNECTION)
    with tracer.collect(*OPTIONS, "-f", "tcp", "-o", str(path)) as collecting:
        connect(net)
        wait_until(collecting, path, lambda events: len(detraces(events)) >= 30)
    assert collecting.exit_code == 0, collecting.report()
    events = read(path)
    assert len(lookups(events)) >= 7 * CONNECTIONS
    times = [event["common"]["timestamp"] for event in detraces(events)]
    assert len({key(event["ovs-detrace"]) for event in detraces(events)}) == len(times)
    assert min(after - before for before, after in pairwise(times)) >= 0.9 * PAUSE


def connect(net: OpenVSwitch) -> None:
    """Make short connections, one after the other."""
    with net.b.entered():
        listener = socket.create_server((net.b.ipv4, PORT))
    with listener:
        for _ in range(CONNECTIONS):
            with net.a.entered():
                client = socket.create_connection((net.b.ipv4, PORT), patience(10))
            server, _ = listener.accept()
            with client, server:
                client.sendall(b"question")
                assert server.recv(100) == b"question"
                server.sendall(b"answer")
                assert client.recv(100) == b"answer"
