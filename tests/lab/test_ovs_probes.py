"""USDT probes to test with, as the kernel sees them: those of Open vSwitch, and of the program that stands for it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.notes import Probe, probes
from tracer_core.testing.topology.openvswitch import OpenVSwitch
from tracer_core.testing.topology.site import wait
from tracer_core.testing.usdt import ProbeProgram

TRACING = Path("/sys/kernel/tracing")
PROBES = {"dpif_recv": {"recv_upcall": 6}, "dpif_netlink_operate__": {"op_flow_put": 4, "op_flow_execute": 5}}
_PLACE = re.compile(r"(?P<size>\d)@(?P<offset>-?\d*)(?P<memory>\()?%[re]?(?P<register>[a-z]+|\d+)d?\)?")


def arguments(program: Path) -> dict[str, dict[str, int]]:
    """Providers, names and numbers of arguments: those that we want to know of."""
    return {
        provider: {
            probe.name: len(probe.arguments)
            for probe in probes(program)
            if probe.provider == provider and probe.name in names
        }
        for provider, names in PROBES.items()
    }


def fetch(place: str) -> str:
    """The place of an argument in the words of the kernel."""
    match = _PLACE.fullmatch(place)
    assert match, place
    register = f"%{'r' if match['register'].isdigit() else ''}{match['register']}"
    where = f"+{match['offset'] or 0}({register})" if match["memory"] else register
    return f"{where}:x{8 * int(match['size'])}"


@contextmanager
def events(program: Path, probe: Probe, places: tuple[str, ...]) -> Iterator[Path]:
    """The kernel's own uprobe there; yields the file with what it saw."""
    name = f"lab/{probe.name}"
    instance = TRACING / "instances" / "lab"
    instance.mkdir()
    try:
        words = " ".join(fetch(place) for place in places)
        define(f"p:{name} {program}:{probe.offset:#x} {words}")
        try:
            (instance / "events" / name / "enable").write_text("1")
            yield instance / "trace"
        finally:
            (instance / "events" / name / "enable").write_text("0")
            define(f"-:{name}")
    finally:
        instance.rmdir()


def define(line: str) -> None:
    # not open(): to append, it would go to an end that this file has not
    file = os.open(TRACING / "uprobe_events", os.O_WRONLY | os.O_APPEND)
    try:
        os.write(file, f"{line}\n".encode())
    finally:
        os.close(file)


def find(program: Path, name: str) -> Probe:
    (found,) = [probe for probe in probes(program) if probe.name == name]
    return found


def test_the_stand_in_has_the_probes_of_open_vswitch(ovs_probes: ProbeProgram) -> None:
    assert arguments(ovs_probes.path) == PROBES


def test_open_vswitch_has_the_probes_that_the_stand_in_has(ovs_with_probes: OpenVSwitch) -> None:
    assert arguments(ovs_with_probes.program) == PROBES


@pytest.mark.parametrize("name", ["recv_upcall", "op_flow_put", "op_flow_execute"])
def test_the_stand_in_says_what_it_fires(ovs_probes: ProbeProgram, name: str) -> None:
    probe = find(ovs_probes.path, name)
    with events(ovs_probes.path, probe, probe.arguments) as trace:
        answers = [ovs_probes.fire(f"{name} {size}") for size in (60, 1500)]
        lines = [line for line in trace.read_text().splitlines() if f" {name}: " in line]
    seen = [[int(value, 16) for value in re.findall(r" arg\d+=(\S+)", line)] for line in lines]
    assert seen == [[int(word, 0) for word in answer.split()[1:]] for answer in answers]


def test_open_vswitch_fires_a_probe_for_each_packet_that_goes_up(ovs_with_probes: OpenVSwitch) -> None:
    net = ovs_with_probes
    with events(net.program, find(net.program, "recv_upcall"), ()) as trace:
        before = missed(net)
        net.a.run(["ping", "-n", "-c", "2", "-i", "0.2", "-W", "20", net.b.ipv4])
        went_up = missed(net) - before
        assert went_up >= 2  # request and reply, and perhaps what asks for addresses
        wait(lambda: trace.read_text().count(" recv_upcall: ") >= went_up, "the probe was not fired for each")


def missed(net: OpenVSwitch) -> int:
    found = re.search(r" missed:(\d+) ", net.control("ovs-dpctl", "show"))
    assert found
    return int(found[1])
