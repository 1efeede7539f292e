"""Connections through a router: made, listed by the kernel's tools, and told of by events."""

from __future__ import annotations

import json
import re
import socket
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from tracer_core.testing.patience import patience
from tracer_core.testing.topology.nat import VIRTUAL

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.topology.nat import Nat

_SIDE = re.compile(
    r"src=(?P<src>\S+) dst=(?P<dst>\S+)(?: sport=(?P<sport>\d+) dport=(?P<dport>\d+))?"
    r"(?: type=(?P<type>\d+) code=(?P<code>\d+) id=(?P<id>\d+))?"
)


def entries(namespace: Namespace, family: str = "ipv4") -> list[str]:
    """What ``conntrack`` lists."""
    listed = namespace.run(["conntrack", "-L", "-f", family, "-o", "extended,labels"])
    return [line for line in listed.stdout.splitlines() if line.startswith(family)]


def listed_tuples(line: str) -> list[dict[str, str]]:
    return [{name: value for name, value in match.groupdict().items() if value} for match in _SIDE.finditer(line)]


def reported_tuples(ct: dict[str, Any]) -> list[dict[str, str]]:
    """The tuples of an event, as ``conntrack`` would list them."""
    found = []
    for side in (ct["orig"], ct["reply"]):
        [values] = side["proto"].values()
        both = {**side["ip"], **values}
        found.append({name: str(value) for name, value in both.items() if name not in ("version", "vtag")})
    return found


def events(path: Path, section: str = "ct") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return [line[section] for line in lines if section in line]


def of(found: list[dict[str, Any]], protocol: str, port: int | None = None) -> list[dict[str, Any]]:
    """The events of connections of a protocol, to a port if one is given."""
    of_protocol = [ct for ct in found if protocol in ct["orig"]["proto"]]
    return [ct for ct in of_protocol if port is None or ct["orig"]["proto"][protocol]["dport"] == port]


@contextmanager
def connected(
    source: Namespace, target: Namespace, port: int, address: str = "", protocol: int = socket.IPPROTO_TCP
) -> Iterator[None]:
    """A connection over which something was said, to the target or what its address is for the source."""
    with ExitStack() as stack:
        with target.entered():
            listener = stack.enter_context(socket.socket(proto=protocol))
        with source.entered():
            client = stack.enter_context(socket.socket(proto=protocol))
        listener.bind((target.ipv4, port))
        listener.listen()
        for end in (listener, client):
            end.settimeout(patience(10))
        client.connect((address or target.ipv4, port))
        server = stack.enter_context(listener.accept()[0])
        server.settimeout(patience(10))
        client.sendall(b"question")
        assert server.recv(8) == b"question"
        server.sendall(b"answer")
        assert client.recv(6) == b"answer"
        yield


def exchange(net: Nat, port: int) -> None:
    """A datagram to the server, and one back."""
    with net.server.entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with net.client.entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with server, client:
        for end in (server, client):
            end.settimeout(patience(10))
        server.bind((net.server.ipv4, port))
        client.sendto(b"question", (VIRTUAL, port))
        _, source = server.recvfrom(100)
        server.sendto(b"answer", source)
        assert client.recv(100) == b"answer"


def listed(net: Nat, ct: dict[str, Any]) -> str:
    """The line of ``conntrack`` that an event is of."""
    found = [line for line in entries(net.router) if listed_tuples(line) == reported_tuples(ct)]
    assert len(found) == 1, (ct, entries(net.router))
    return found[0]
