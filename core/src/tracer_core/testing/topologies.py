"""Fixtures: networks of namespaces to trace traffic in. ``pytest_plugin`` brings them in.

What the machine cannot do is skipped with the reason, or fails if ``TRACER_REQUIRE`` names it: ``vlan``, ``vxlan``,
``bridge``, ``nftables``, ``openvswitch``.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, TypeVar

import pytest

from tracer_core.testing.netns import TwoNamespaces, remove_leftovers, two_namespaces
from tracer_core.testing.pytest_plugin import or_unavailable, unavailable
from tracer_core.testing.topology.bridge import Bridge, bridge_namespaces
from tracer_core.testing.topology.nat import Nat, nat_namespaces
from tracer_core.testing.topology.nftables import Filtered, filtered_namespaces
from tracer_core.testing.topology.openvswitch import OpenVSwitch, openvswitch_namespaces
from tracer_core.testing.topology.ovs_nat import OvsNat, ovs_nat_namespaces
from tracer_core.testing.topology.site import Topology
from tracer_core.testing.topology.vlan import Vlan, vlan_namespaces
from tracer_core.testing.topology.vxlan import Vxlan, vxlan_namespaces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

_PREFIX = "tracer-test"
_T = TypeVar("_T", bound=Topology)


@contextmanager
def _built(build: Callable[[str], AbstractContextManager[_T]]) -> Iterator[_T]:
    if shutil.which("ip") is None:
        unavailable("root", "needs ip of iproute2")
    remove_leftovers(_PREFIX)
    with ExitStack() as stack:
        with or_unavailable():
            made = stack.enter_context(build(_PREFIX))
        yield made


@pytest.fixture
def two_netns(root: None) -> Iterator[TwoNamespaces]:  # noqa: ARG001 - for its effect
    """Two network namespaces joined by a veth pair."""
    with _built(two_namespaces) as made:
        yield made


@pytest.fixture
def nat_netns(root: None) -> Iterator[Nat]:  # noqa: ARG001 - for its effect
    """Client, router with masquerade and DNAT, server: a namespace each."""
    with _built(nat_namespaces) as made:
        yield made


@pytest.fixture
def vlan_netns(root: None) -> Iterator[Vlan]:  # noqa: ARG001 - for its effect
    """Two network namespaces in a VLAN, over a veth pair."""
    with _built(vlan_namespaces) as made:
        yield made


@pytest.fixture
def vxlan_netns(root: None) -> Iterator[Vxlan]:  # noqa: ARG001 - for its effect
    """Two network namespaces with a VXLAN tunnel between them, over a veth pair."""
    with _built(vxlan_namespaces) as made:
        yield made


@pytest.fixture
def bridge_netns(root: None) -> Iterator[Bridge]:  # noqa: ARG001 - for its effect
    """Two network namespaces on a bridge in a third."""
    with _built(bridge_namespaces) as made:
        yield made


@pytest.fixture
def nft_netns(root: None) -> Iterator[Filtered]:  # noqa: ARG001 - for its effect
    """Two network namespaces, one of them with a chain of nftables that accepts, drops and counts."""
    with _built(filtered_namespaces) as made:
        yield made


@pytest.fixture
def ovs_netns(root: None) -> Iterator[OpenVSwitch]:  # noqa: ARG001 - for its effect
    """Two network namespaces on a bridge of Open vSwitch in a third, with the kernel's datapath."""
    with _built(openvswitch_namespaces) as made:
        yield made


@pytest.fixture
def ovs_nat_netns(root: None) -> Iterator[OvsNat]:  # noqa: ARG001 - for its effect
    """Client, two bridges of Open vSwitch with a stack between them that translates addresses, server."""
    with _built(ovs_nat_namespaces) as made:
        yield made
