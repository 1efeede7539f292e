"""Two namespaces on a bridge in a third."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology.site import Topology, ip, site, wait

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Bridge(Topology):
    """Neighbours ``a`` and ``b``, each joined by a veth pair to a port of a bridge.

    Attributes:
        a: Has 192.0.2.1 and 2001:db8::1.
        b: Has 192.0.2.2 and 2001:db8::2.
        bridge: The bridge itself, with 192.0.2.254 and 2001:db8::fe.
        port_a: The bridge's end of the pair to ``a``.
        port_b: The bridge's end of the pair to ``b``.
    """

    a: Namespace
    b: Namespace
    bridge: Namespace
    port_a: Namespace
    port_b: Namespace

    @property
    def namespaces(self) -> tuple[Namespace, Namespace, Namespace]:
        """The neighbours, then the bridge's."""
        return self.a, self.b, self.bridge


@contextmanager
def bridge_namespaces(prefix: str) -> Iterator[Bridge]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: the kernel has no bridges.
    """
    with site(prefix) as building:
        a = Namespace(building.namespace("a"), "veth-a", "192.0.2.1", "2001:db8::1")
        b = Namespace(building.namespace("b"), "veth-b", "192.0.2.2", "2001:db8::2")
        bridge = Namespace(building.namespace("bridge"), "bridge", "192.0.2.254", "2001:db8::fe")
        port_a, port_b = Namespace(bridge.name, "port-a"), Namespace(bridge.name, "port-b")
        # without snooping: it sends queries of its own, and holds groups back until it knows them
        building.device(bridge, "bridge stp_state 0 mcast_snooping 0", missing="bridges (module bridge)")
        for end, port in ((a, port_a), (b, port_b)):
            building.veth(end, port)
            ip(f"-n {port.name} link set {port.device} master {bridge.device}")
        building.up(bridge)
        for port in (port_a, port_b):
            wait(partial(_forwards, port), f"{port.device} does not forward")
        building.settle(bridge, a, b)
        yield Bridge(a, b, bridge, port_a, port_b)


def _forwards(port: Namespace) -> bool:
    return "state forwarding" in ip(f"-n {port.name} -d link show dev {port.device}")
