"""Nothing stays of a topology, and what a machine lacks for one is named."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from tracer_core.testing.namespace import FOLDER
from tracer_core.testing.netns import two_namespaces
from tracer_core.testing.patience import patience
from tracer_core.testing.pytest_plugin import or_unavailable, unavailable
from tracer_core.testing.topology import nat, nftables, vlan, vxlan
from tracer_core.testing.topology.bridge import bridge_namespaces
from tracer_core.testing.topology.openvswitch import openvswitch_namespaces
from tracer_core.testing.topology.ovs_nat import ovs_nat_namespaces
from tracer_core.testing.topology.site import MissingError, Topology, remove_leftovers, wait

Build = Callable[[str], AbstractContextManager[Topology]]
BUILDS: list[Build] = [
    two_namespaces,
    nat.nat_namespaces,
    vlan.vlan_namespaces,
    vxlan.vxlan_namespaces,
    bridge_namespaces,
    nftables.filtered_namespaces,
    openvswitch_namespaces,
    ovs_nat_namespaces,
]
each_topology = pytest.mark.parametrize("build", BUILDS, ids=lambda build: build.__name__.removesuffix("_namespaces"))


def left() -> list[str]:
    return [path.name for folder in (FOLDER, Path(tempfile.gettempdir())) for path in folder.glob("tracer-gone-*")]


@each_topology
@pytest.mark.extra
def test_nothing_of_a_topology_stays_after_a_failure(root: None, build: Build) -> None:
    inodes: list[int] = []

    def fail() -> None:
        with or_unavailable(), build("tracer-gone") as made:
            assert len(set(made.names)) == len(made.names) == len(set(made.inodes))
            assert [name for name in made.names if not (FOLDER / name).exists()] == []
            inodes.extend(made.inodes)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert left() == []
    assert inside(inodes) == []


def inside(inodes: list[int]) -> list[str]:
    """Processes in these namespaces."""
    numbers = {f"net:[{inode}]" for inode in inodes}
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if str((path / "ns/net").readlink()) in numbers:
                found.append((path / "comm").read_text())
        except OSError:
            continue  # it has ended
    return found


KILLED = """
import os, signal, subprocess
from {module} import {function}
from tracer_core.testing.topology.ovs_nat import OvsNat, ovs_nat_namespaces
from tracer_core.testing.topology.site import MissingError
try:
    with {function}("tracer-gone") as made:
        print(*made.inodes, flush=True)
        command = ["sh", "-c", "echo inside; exec sleep 1000"]
        process = made.namespaces[-1].popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        os.kill(os.getpid(), signal.SIGKILL)
except MissingError as error:
    print("missing", error.what, error.reason, sep="|")
"""


@pytest.mark.parametrize("build", [two_namespaces, openvswitch_namespaces], ids=["two", "openvswitch"])
@pytest.mark.extra
def test_what_a_killed_process_made_is_removed_by_the_next(root: None, build: Build) -> None:
    command = [sys.executable, "-c", KILLED.format(module=build.__module__, function=build.__name__)]
    result = subprocess.run(command, check=False, capture_output=True, text=True, timeout=patience(60))
    if result.stdout.startswith("missing|"):
        unavailable(*result.stdout.strip().split("|")[1:])
    assert left() != [], result.stderr
    assert len(remove_leftovers("tracer-gone")) in (2, 3)
    assert left() == []
    wait(lambda: inside([int(word) for word in result.stdout.split()]) == [], "programs still run")


def test_what_a_machine_lacks_is_named(root: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    for build, what in ((nftables.filtered_namespaces, "nftables"), (openvswitch_namespaces, "openvswitch")):
        with pytest.raises(MissingError, match="needs ") as caught, build("tracer-gone"):
            pytest.fail("there are no programs")
        assert caught.value.what == what
