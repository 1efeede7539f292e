"""A client on one bridge of Open vSwitch, a server on another, and a stack between them that translates addresses."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology import nftables, vswitch
from tracer_core.testing.topology.site import ip, site
from tracer_core.testing.topology.vswitch import Switched, VSwitch

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = "example_nat"
"""The table of nftables, family ``ip``, with chains ``postrouting``, ``prerouting`` and ``forward``."""


@dataclass(frozen=True, slots=True)
class OvsNat(Switched):
    """A packet of the client's goes through both bridges, and is routed and translated between them.

    The first of a flow goes up to the daemon twice, once in each bridge::

        pint ── local_pint  br_int ── stack ── br_ext  local_pext ── pext
        client  └── bridge ──────┘    nat      └────── bridge ───┘   server

    Attributes:
        client: ``pint``, has 192.168.10.10.
        port_int: The inner bridge's end of the pair to the client.
        bridge_int: The inner bridge's own device, with 192.168.10.1: the client's gateway.
        bridge_ext: The outer bridge's own device, with 172.10.10.1: what the server sees.
        port_ext: The outer bridge's end of the pair to the server.
        server: ``pext``, has 172.10.10.20, and no way back but to the outer bridge's device.
        vswitch: The daemons.
    """

    client: Namespace
    port_int: Namespace
    bridge_int: Namespace
    bridge_ext: Namespace
    port_ext: Namespace
    server: Namespace
    vswitch: VSwitch

    @property
    def namespaces(self) -> tuple[Namespace, Namespace, Namespace]:
        """The client's, that of the bridges, the server's."""
        return self.client, self.bridge_int, self.server


@contextmanager
def ovs_nat_namespaces(prefix: str) -> Iterator[OvsNat]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: there is no Open vSwitch or no ``nft``, or the kernel cannot do what they ask.
    """
    vswitch.need()
    nftables.need()
    with site(prefix) as building:
        client = Namespace(building.namespace("client"), "pint", "192.168.10.10")
        server = Namespace(building.namespace("server"), "pext", "172.10.10.20")
        bridge_int = Namespace(building.namespace("switch"), "br_int", "192.168.10.1")
        bridge_ext = Namespace(bridge_int.name, "br_ext", "172.10.10.1")
        port_int, port_ext = Namespace(bridge_int.name, "local_pint"), Namespace(bridge_int.name, "local_pext")
        daemons = vswitch.start(building, bridge_int)
        for end, port, bridge in ((client, port_int, bridge_int), (server, port_ext, bridge_ext)):
            building.veth(end, port)
            daemons.add_bridge(bridge)
            daemons.add_port(bridge, port)
            building.up(bridge)
        building.settle(client, server)
        building.settle(bridge_int, bridge_ext, state="UNKNOWN")
        ip(f"-n {client.name} route add default via {bridge_int.ipv4}")
        with bridge_int.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        nftables.load(bridge_int, _rules(bridge_int, bridge_ext))
        yield OvsNat(client, port_int, bridge_int, bridge_ext, port_ext, server, daemons)


def _rules(inside: Namespace, outside: Namespace) -> str:
    return f"""
table ip {TABLE} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        oifname "{outside.device}" counter masquerade
    }}
    chain prerouting {{
        type nat hook prerouting priority dstnat;
    }}
    chain forward {{
        type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "{inside.device}" oifname "{outside.device}" accept
    }}
}}
"""
