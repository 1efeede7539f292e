"""The networks that Retis' functional tests have, under their names: only where nobody else has any, as in a guest."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology import nftables
from tracer_core.testing.topology.site import Site, ip, site

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT = Namespace("ns0", "veth01", "10.0.42.1", "1111::1")
SERVER = Namespace("ns1", "veth10", "10.0.42.2", "1111::2")

VLAN = 123
CLIENT_IN_VLAN = Namespace("ns0", f"veth01.{VLAN}", "10.0.43.1", "2222::1")
SERVER_IN_VLAN = Namespace("ns1", f"veth10.{VLAN}", "10.0.43.2", "2222::2")

BEHIND = Namespace("ns1", "veth12", "10.0.43.1")
FAR = Namespace("ns2", "veth21", "10.0.43.2")
VIRTUAL = "10.0.255.1"
"""An address that nobody has: ``ns1`` sends what is meant for it to ``ns2``."""


@contextmanager
def two_ns() -> Iterator[None]:
    """``ns0`` and ``ns1``, joined by a pair of devices."""
    with site("retis") as building:
        _namespaces(building, "ns0", "ns1")
        building.veth(CLIENT, SERVER)
        building.settle(CLIENT, SERVER)
        yield


@contextmanager
def two_ns_vlan() -> Iterator[None]:
    """The same, and a VLAN over it; the device of ``ns1`` leaves tagging to software, so it sends tags in the data."""
    with two_ns(), site("retis") as building:
        SERVER.run(["ethtool", "-K", SERVER.device, "tx-vlan-offload", "off"])
        for inner, outer in ((CLIENT_IN_VLAN, CLIENT), (SERVER_IN_VLAN, SERVER)):
            building.device(inner, f"vlan id {VLAN}", missing="VLANs", over=outer.device)
            building.up(inner)
        building.settle(CLIENT_IN_VLAN, SERVER_IN_VLAN)
        yield


@contextmanager
def three_ns_nat() -> Iterator[None]:
    """``ns2`` behind ``ns1``, which forwards, and has an address for it that ``ns0`` may use."""
    with two_ns(), site("retis") as building:
        _namespaces(building, "ns2")
        building.veth(BEHIND, FAR)
        building.settle(BEHIND, FAR)
        ip(f"-n {CLIENT.name} route add default via {SERVER.ipv4}")
        ip(f"-n {FAR.name} route add default via {BEHIND.ipv4}")
        with SERVER.entered():
            Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        rule = f"ip daddr {VIRTUAL} dnat to {FAR.ipv4}"
        chain = "type nat hook prerouting priority dstnat"
        nftables.load(SERVER, f"table ip nat {{ chain prerouting {{ {chain}; {rule}; }}; }}")
        yield


def _namespaces(building: Site, *names: str) -> None:
    for name in names:
        ip(f"netns add {name}")
        building.undo.callback(ip, f"netns delete {name}")
        ip(f"-n {name} link set lo up")
