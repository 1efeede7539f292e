"""A client behind a router that translates addresses, and a server that knows the router only."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology import nftables
from tracer_core.testing.topology.site import Topology, ip, site

if TYPE_CHECKING:
    from collections.abc import Iterator

VIRTUAL = "203.0.113.80"
"""An address that nobody has: the router sends what is meant for it to the server."""


@dataclass(frozen=True, slots=True)
class Nat(Topology):
    """What the client sends leaves the router with the router's outer address: the server has no way back but this.

    Attributes:
        client: Has 192.0.2.1.
        router: The router's inner device, with 192.0.2.254.
        outside: The router's outer device, with 198.51.100.254.
        server: Has 198.51.100.1.
    """

    client: Namespace
    router: Namespace
    outside: Namespace
    server: Namespace

    @property
    def namespaces(self) -> tuple[Namespace, Namespace, Namespace]:
        """Client, router, server."""
        return self.client, self.router, self.server


@contextmanager
def nat_namespaces(prefix: str) -> Iterator[Nat]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: there is no ``nft``, or the kernel cannot translate addresses.
    """
    nftables.need()
    with site(prefix) as building:
        client = Namespace(building.namespace("client"), "veth-client", "192.0.2.1")
        router = Namespace(building.namespace("router"), "inside", "192.0.2.254")
        outside = Namespace(router.name, "outside", "198.51.100.254")
        server = Namespace(building.namespace("server"), "veth-server", "198.51.100.1")
        building.veth(client, router)
        building.veth(outside, server)
        building.settle(client, router, outside, server)
        ip(f"-n {client.name} route add default via {router.ipv4}")
        with router.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        nftables.load(router, _rules(outside.device, server.ipv4))
        yield Nat(client, router, outside, server)


def _rules(outside: str, server: str) -> str:
    return f"""
table ip translation {{
    chain prerouting {{
        type nat hook prerouting priority dstnat;
        ip daddr {VIRTUAL} counter dnat to {server}
    }}
    chain postrouting {{
        type nat hook postrouting priority srcnat;
        oifname "{outside}" counter masquerade
    }}
}}
"""
