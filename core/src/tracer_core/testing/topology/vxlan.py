"""Two namespaces that talk through a VXLAN tunnel."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology.site import Topology, site

if TYPE_CHECKING:
    from collections.abc import Iterator

VNI = 42
"""Number of the network, in the header of the tunnel."""

PORT = 4789
"""UDP port that tunnelled packets are sent to."""


@dataclass(frozen=True, slots=True)
class Vxlan(Topology):
    """Neighbours ``a`` and ``b`` over a tunnel, whose packets go over a veth pair.

    Attributes:
        a: Its end of the tunnel, with 192.0.2.1 and 2001:db8::1.
        b: Its end of the tunnel, with 192.0.2.2 and 2001:db8::2.
        underlay_a: The veth device of ``a``, with 198.51.100.1: packets are in the tunnel there.
        underlay_b: The veth device of ``b``, with 198.51.100.2.
    """

    a: Namespace
    b: Namespace
    underlay_a: Namespace
    underlay_b: Namespace

    @property
    def namespaces(self) -> tuple[Namespace, Namespace]:
        """Both."""
        return self.a, self.b


@contextmanager
def vxlan_namespaces(prefix: str) -> Iterator[Vxlan]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: the kernel has no VXLAN.
    """
    with site(prefix) as building:
        below_a = Namespace(building.namespace("a"), "veth-a", "198.51.100.1")
        below_b = Namespace(building.namespace("b"), "veth-b", "198.51.100.2")
        a = Namespace(below_a.name, "vxlan-a", "192.0.2.1", "2001:db8::1")
        b = Namespace(below_b.name, "vxlan-b", "192.0.2.2", "2001:db8::2")
        building.veth(below_a, below_b)
        building.settle(below_a, below_b)
        for device, here, there in ((a, below_a, below_b), (b, below_b, below_a)):
            kind = f"vxlan id {VNI} local {here.ipv4} remote {there.ipv4} dev {here.device} dstport {PORT}"
            building.device(device, kind, missing="VXLAN devices (module vxlan)")
        building.up(a, b)
        building.settle(a, b, state="UNKNOWN")
        yield Vxlan(a, b, below_a, below_b)
