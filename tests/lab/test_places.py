"""Which device and which network namespace a packet is in, against what ``ip`` and ``/proc`` say."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest
from tests.lab.traffic import ping

if TYPE_CHECKING:
    from pathlib import Path

    from tests.lab.support import Support

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

TRANSMIT, RECEIVE = "net:net_dev_start_xmit", "ip_rcv"
_SO_NETNS_COOKIE = 71  # 5.14


@pytest.fixture
def found(tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path) -> dict[tuple[str, int], dict[str, Any]]:
    """The events of a ping, by probe and by the number of the namespace."""
    two, path = two_netns, tmp_path / "events.json"
    options = ("-c", "dev,ns", "-p", f"tp:{TRANSMIT}", "-p", RECEIVE, "--netns", two.a.name, "--netns", two.b.name)
    with tracer.collect(*options, "-o", str(path)) as collecting:
        ping(two.a, two.b)
    assert collecting.exit_code == 0, collecting.report()
    events = [json.loads(line) for line in path.read_text().splitlines()][1:]
    return {(event["kernel"]["symbol"], event["netns"]["inum"]): event for event in events}


def device(namespace: Namespace) -> tuple[int, str]:
    """Number and name, as ``ip`` has them."""
    listed = namespace.run(["ip", "-o", "link", "show", "dev", namespace.device]).stdout
    match = re.match(r"(\d+): ([^@:]+)", listed)
    assert match, listed
    return int(match[1]), match[2]


def inode(namespace: Namespace) -> int:
    """What ``/proc`` has."""
    return int(namespace.run(["readlink", "/proc/self/ns/net"]).stdout.strip()[len("net:[") : -1])


def cookie(namespace: Namespace) -> int | None:
    """What the kernel tells a socket, if it does."""
    with namespace.entered():
        asking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with asking:
        try:
            return int.from_bytes(asking.getsockopt(socket.SOL_SOCKET, _SO_NETNS_COOKIE, 8), "little")
        except OSError:
            return None


def test_packets_are_in_the_devices_and_namespaces_that_the_machine_has(
    found: dict[tuple[str, int], dict[str, Any]], two_netns: TwoNamespaces, support: Support
) -> None:
    assert set(found) == {(symbol, inode(end)) for end in two_netns.namespaces for symbol in (TRANSMIT, RECEIVE)}
    for end in two_netns.namespaces:
        index, name = device(end)
        sent, received = (found[symbol, inode(end)] for symbol in (TRANSMIT, RECEIVE))
        assert (sent["dev"]["ifindex"], sent["dev"]["name"]) == (index, name)
        assert received["dev"] == {"name": name, "ifindex": index, "rx_ifindex": index}
        if (told := cookie(end)) is not None:
            assert received["netns"]["cookie"] == sent["netns"]["cookie"] == told
    support.works("devices and network namespaces")
