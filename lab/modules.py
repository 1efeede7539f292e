"""Which modules of a kernel the lab keeps, and which a guest loads before it has a root file system."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

BOOT = ("virtio_pci", "9pnet_virtio", "9p", "overlay", "virtio_console")

_FOREIGN = (
    *(
        "mac80211",
        "wireless",
        "bluetooth",
        "can/",
        "nfc",
        "sunrpc",
        "ceph",
        "rds",
        "tipc",
        "smc",
        "vmw",
        "rxrpc",
        "ax25",
    ),
    *("netrom", "rose", "x25", "appletalk", "atm", "dccp", "ieee802154", "mac802154", "6lowpan", "batman"),
)
_DEVICES = (
    *(
        "veth",
        "vxlan/",
        "vxlan.",
        "geneve",
        "dummy",
        "tun",
        "tap",
        "macvlan",
        "macvtap",
        "ipvlan",
        "bonding",
        "vrf",
        "ifb",
    ),
    *("bareudp", "wireguard", "virtio_net", "nlmon", "netdevsim", "amt", "gtp", "netkit"),
)
_KEPT = re.compile(
    rf"kernel/net/(?!{'|'.join(map(re.escape, _FOREIGN))})"
    rf"|kernel/drivers/net/(?:{'|'.join(map(re.escape, _DEVICES))})"
    r"|kernel/(?:crypto|lib|arch/x86/crypto)/.*crc32c"
    r"|kernel/fs/(?:overlayfs|9p|fuse)"
    r"|kernel/kernel/configs"
)


def dependencies(text: str) -> dict[str, list[str]]:
    """The path of each module with the paths of those it needs, from ``modules.dep``."""
    lines = (line.partition(":") for line in text.splitlines() if ":" in line)
    return {path: needed.split() for path, _, needed in lines}


def name(path: str) -> str:
    """The name of a module, from its path."""
    return PurePosixPath(path).name.partition(".ko")[0].replace("-", "_")


def kept(needs: Mapping[str, Iterable[str]]) -> list[str]:
    """Paths of the modules for packets and what they need: a few hundred of several thousand."""
    wanted = {path for path in needs if _KEPT.match(path)}
    return sorted(wanted.union(*(needs[path] for path in wanted)))


def to_boot(needs: Mapping[str, list[str]], builtin: Collection[str]) -> list[str]:
    """Paths of the modules of :data:`BOOT` with what they need, in the order to load them.

    Args:
        needs: All modules, with what each needs; the deepest need is last in ``modules.dep``.
        builtin: Names of those that are part of the kernel.

    Raises:
        KeyError: this kernel has not got one of them.
    """
    paths = {name(path): path for path in needs}
    order: dict[str, None] = {}
    for module in BOOT:
        if module not in builtin:
            path = paths[module]
            order.update(dict.fromkeys([*reversed(needs[path]), path]))
    return list(order)


def builtin(text: str) -> set[str]:
    """Names of the modules that are part of the kernel, from ``modules.builtin``."""
    return {name(line) for line in text.split()}
