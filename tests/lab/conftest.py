"""For tests that run in guests: ``make test-lab``."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.lab.support import Support

from lab.guest import VARIABLE
from lab.notes import probes
from tracer_core.testing.pytest_plugin import or_unavailable, unavailable
from tracer_core.testing.usdt import ProbeProgram, compile_program, running

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.testing.topology.openvswitch import OpenVSwitch
    from tracer_core.testing.topology.ovs_nat import OvsNat
    from tracer_core.testing.topology.vswitch import Switched

KERNEL_TYPES = Path("/sys/kernel/btf")
OVS_PROBES = Path(__file__).with_name("usdt") / "ovs_probes.c"


@pytest.fixture(scope="session", autouse=True)
def kernel() -> str:
    """Short name of the kernel that we are under, as in ``6.1``."""
    name = os.environ.get(VARIABLE)
    if name is None:
        unavailable("lab", "runs in a guest of the lab: make test-lab")
    return name


@pytest.fixture(scope="session")
def support() -> Iterator[Support]:
    """Where tests note what works under this kernel; left among the artefacts."""
    made = Support(os.uname().release)
    yield made
    if folder := os.environ.get("TRACER_LAB_ARTEFACTS"):
        made.write(Path(folder))


@pytest.fixture(scope="session")
def has_module_types() -> bool:
    """Whether the kernel describes the types of its modules (Linux 5.11).

    Some module is loaded in every guest: that of the folders it shares.
    """
    return {path.name for path in KERNEL_TYPES.iterdir()} != {"vmlinux"}


@pytest.fixture
def module_types(*, has_module_types: bool) -> None:
    """Types of modules, as ``nft`` and ``ovs`` need them."""
    if not has_module_types:
        pytest.skip("nft and ovs cannot run: no types of modules")


@pytest.fixture
def nf_tables() -> None:
    """The kernel has nftables, also before anybody has a table."""
    subprocess.run(["modprobe", "nf_tables"], check=True)


@pytest.fixture
def ovs_probes(tmp_path: Path) -> Iterator[ProbeProgram]:
    """A program that stands for ovs-vswitchd with USDT probes."""
    with or_unavailable():
        program = compile_program(OVS_PROBES, tmp_path)
    with running(program) as made:
        yield made


@pytest.fixture
def ovs_with_probes(ovs_netns: OpenVSwitch) -> OpenVSwitch:
    """The topology ``ovs_netns``, whose ovs-vswitchd has USDT probes."""
    _need_probes(ovs_netns)
    return ovs_netns


@pytest.fixture
def ovs_nat_with_probes(ovs_nat_netns: OvsNat) -> OvsNat:
    """The topology ``ovs_nat_netns``, whose ovs-vswitchd has USDT probes."""
    _need_probes(ovs_nat_netns)
    return ovs_nat_netns


def _need_probes(net: Switched) -> None:
    if not probes(net.program):
        unavailable("openvswitch", f"{net.program} has no USDT probes: python -m lab ovs says why")
