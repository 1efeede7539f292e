"""Two namespaces on a bridge of Open vSwitch, with the kernel's datapath, in a third."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology import vswitch
from tracer_core.testing.topology.site import site
from tracer_core.testing.topology.vswitch import Switched, VSwitch

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class OpenVSwitch(Switched):
    """Neighbours ``a`` and ``b``, each joined by a veth pair to a port of a bridge that learns and forwards.

    The first packets of a flow go up to the daemon; it then puts a flow into the kernel, for those that follow.

    Attributes:
        a: Has 192.0.2.1 and 2001:db8::1.
        b: Has 192.0.2.2 and 2001:db8::2.
        switch: The bridge's own device, without addresses.
        port_a: The bridge's end of the pair to ``a``.
        port_b: The bridge's end of the pair to ``b``.
        vswitch: The daemons.
    """

    a: Namespace
    b: Namespace
    switch: Namespace
    port_a: Namespace
    port_b: Namespace
    vswitch: VSwitch

    @property
    def namespaces(self) -> tuple[Namespace, Namespace, Namespace]:
        """The neighbours, then the bridge's."""
        return self.a, self.b, self.switch


@contextmanager
def openvswitch_namespaces(prefix: str) -> Iterator[OpenVSwitch]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: Open vSwitch is not installed, or the kernel has no datapath for it.
    """
    vswitch.need()
    with site(prefix) as building:
        a = Namespace(building.namespace("a"), "veth-a", "192.0.2.1", "2001:db8::1")
        b = Namespace(building.namespace("b"), "veth-b", "192.0.2.2", "2001:db8::2")
        switch = Namespace(building.namespace("switch"), "switch")
        port_a, port_b = Namespace(switch.name, "port-a"), Namespace(switch.name, "port-b")
        daemons = vswitch.start(building, switch)
        daemons.add_bridge(switch)
        for end, port in ((a, port_a), (b, port_b)):
            building.veth(end, port)
            daemons.add_port(switch, port)
        building.settle(a, b)
        yield OpenVSwitch(a, b, switch, port_a, port_b, daemons)
