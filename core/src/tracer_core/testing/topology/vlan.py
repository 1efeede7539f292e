"""Two namespaces that talk in a VLAN."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology.site import Topology, site

if TYPE_CHECKING:
    from collections.abc import Iterator

VLAN_ID = 42
"""Of the tag that all packets carry on the wire."""


@dataclass(frozen=True, slots=True)
class Vlan(Topology):
    """Neighbours ``a`` and ``b`` with 802.1Q devices over a veth pair.

    Attributes:
        a: The VLAN device, with 192.0.2.1 and 2001:db8::1.
        b: The VLAN device, with 192.0.2.2 and 2001:db8::2.
        wire_a: The device below that of ``a``: packets have their tags there.
        wire_b: The device below that of ``b``.
    """

    a: Namespace
    b: Namespace
    wire_a: Namespace
    wire_b: Namespace

    @property
    def namespaces(self) -> tuple[Namespace, Namespace]:
        """Both."""
        return self.a, self.b


@contextmanager
def vlan_namespaces(prefix: str) -> Iterator[Vlan]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: the kernel has no VLANs.
    """
    with site(prefix) as building:
        wire_a = Namespace(building.namespace("a"), "veth-a")
        wire_b = Namespace(building.namespace("b"), "veth-b")
        a = Namespace(wire_a.name, "vlan-a", "192.0.2.1", "2001:db8::1")
        b = Namespace(wire_b.name, "vlan-b", "192.0.2.2", "2001:db8::2")
        building.veth(wire_a, wire_b)
        for over, device in ((wire_a, a), (wire_b, b)):
            building.device(device, f"vlan id {VLAN_ID}", over=over.device, missing="VLAN devices (module 8021q)")
        building.up(a, b)
        building.settle(wire_a, wire_b, a, b)
        yield Vlan(a, b, wire_a, wire_b)
