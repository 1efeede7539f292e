"""Packets through nftables: what it says was decided of them, and what tracer says."""

from __future__ import annotations

import base64
import json
import re
import socket
import struct
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.testing.namespace import Namespace
    from tracer_core.testing.topology.nftables import Filtered

ADVICE = "If an nft trace rule wasn't manually added"
JUMPS, RETURNS, GOES, ENDS = 7003, 7004, 7005, 7006
"""UDP ports: to a chain that ends, to one that returns, and away to one that drops, or that ends."""

STEPS = f"""
table inet steps {{
    chain counted {{
        counter
    }}
    chain returning {{
        counter return
        drop
    }}
    chain final {{
        udp dport {GOES} counter drop
    }}
    chain first {{
        type filter hook prerouting priority -300; policy accept;
        meta nftrace set 1
        udp dport {JUMPS} counter jump counted
        udp dport {RETURNS} jump returning
        udp dport {GOES} goto final
        udp dport {ENDS} goto final
    }}
}}
"""


class Step(NamedTuple):
    """A step of a packet: where, and what was decided."""

    table: str
    chain: str
    rule: int | None
    verdict: str
    target: str | None = None
    policy: bool = False

    @property
    def is_end(self) -> bool:
        """A chain ended without a verdict: ``nft`` tells of that on 6.1, and not on 6.12."""
        return self.rule is None and not self.policy


_LINE = re.compile(
    r"trace id (?P<id>\w+) \w+ (?P<table>\S+) (?P<chain>\S+) (?P<what>packet:|rule|verdict|policy) (?P<rest>.*)"
)
_VERDICT = re.compile(r".*# handle (?P<rule>\d+) \(verdict (?P<verdict>\w+)(?: (?P<target>\w+))?\)")
_LENGTH = re.compile(r"udp length (\d+)")


def truth(text: str) -> dict[int, list[Step]]:
    """What ``nft -a monitor trace`` printed: the steps of each UDP packet, by its length."""
    steps: dict[str, list[Step]] = {}
    lengths: dict[str, int] = {}
    whole, _, _ = text.rpartition("\n")  # it may be at writing a line
    for line in whole.splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        number, table, chain, what, rest = match["id"], match["table"], match["chain"], match["what"], match["rest"]
        if what == "packet:":
            if length := _LENGTH.search(rest):
                lengths[number] = int(length[1])
            continue
        found = steps.setdefault(number, [])
        if what == "rule":
            rule = _VERDICT.match(rest)
            assert rule, line
            found.append(Step(table, chain, int(rule["rule"]), rule["verdict"], rule["target"]))
        else:
            found.append(Step(table, chain, None, rest.split()[0], policy=what == "policy"))
    return {lengths[number]: found for number, found in steps.items() if number in lengths}


@contextmanager
def monitored(namespace: Namespace, path: Path) -> Iterator[None]:
    """Have ``nft`` write to a file what it traces in a namespace."""
    with path.open("wb") as out:
        process = namespace.popen(["nft", "-a", "monitor", "trace"], stdout=out, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(patience(10))


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()][1:]


def udp_length(event: dict[str, Any]) -> int:
    """The length of a UDP packet over IPv4; 0 of others."""
    data = base64.b64decode(event["packet"]["data"]) if "packet" in event else b""
    return struct.unpack_from(">H", data, 38)[0] if data[12:14] == b"\x08\x00" and data[23:24] == b"\x11" else 0


def reported(path: Path) -> dict[int, list[Step]]:
    """The same, of what we said."""
    found: dict[int, list[Step]] = {}
    for event in sorted(events(path), key=lambda event: event["common"]["timestamp"]):
        nft = event["nft"]
        target = nft.get("verdict_chain_name")
        step = Step(
            nft["table_name"], nft["chain_name"], nft.get("rule_handle"), nft["verdict"], target, policy=nft["policy"]
        )
        found.setdefault(udp_length(event), []).append(step)
    return found


def send(site: Filtered, port: int, length: int) -> None:
    """A UDP packet of that length, header included."""
    with site.a.entered():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with sender:
        sender.sendto(bytes(length - 8), (site.b.ipv4, port))
