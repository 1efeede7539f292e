"""Rules of nftables in a namespace: a filter between two of them, and what any topology needs to have rules."""

from __future__ import annotations

import json
import shutil
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.testing.namespace import Namespace
from tracer_core.testing.topology.site import MissingError, Topology, site

if TYPE_CHECKING:
    from collections.abc import Iterator

ACCEPTED_PORT, DROPPED_PORT = 7001, 7002
"""UDP ports, each with a rule of its own; all others meet the policy of the chain, which drops."""

_WHAT = "nftables"
_RULES = f"""
table inet filter {{
    counter accepted {{ }}
    counter dropped {{ }}
    counter pings {{ }}
    chain input {{
        type filter hook input priority filter; policy drop;
        icmpv6 type {{ nd-neighbor-solicit, nd-neighbor-advert }} accept
        icmp type echo-request counter name "pings" accept
        icmpv6 type echo-request counter name "pings" accept
        udp dport {ACCEPTED_PORT} counter name "accepted" accept
        udp dport {DROPPED_PORT} counter name "dropped" drop
    }}
}}
"""


@dataclass(frozen=True, slots=True)
class Filtered(Topology):
    """Neighbours ``a`` and ``b``; what is sent to ``b`` passes the chain ``input`` of table ``inet filter``.

    Pings are accepted, and what is sent to :data:`ACCEPTED_PORT`. A rule drops what is sent to :data:`DROPPED_PORT`.
    The policy drops all the rest.

    Attributes:
        a: Has 192.0.2.1 and 2001:db8::1.
        b: Has 192.0.2.2 and 2001:db8::2, and the rules.
    """

    a: Namespace
    b: Namespace

    @property
    def namespaces(self) -> tuple[Namespace, Namespace]:
        """Both."""
        return self.a, self.b

    def counters(self) -> dict[str, int]:
        """How many packets rules have counted: ``accepted``, ``dropped``, ``pings``."""
        return counters(self.b)


@contextmanager
def filtered_namespaces(prefix: str) -> Iterator[Filtered]:
    """Make it, and remove it whatever happens.

    Args:
        prefix: What names begin with.

    Raises:
        MissingError: there is no ``nft``, or the kernel does not take the rules.
    """
    need()
    with site(prefix) as building:
        a = Namespace(building.namespace("a"), "veth-a", "192.0.2.1", "2001:db8::1")
        b = Namespace(building.namespace("b"), "veth-b", "192.0.2.2", "2001:db8::2")
        building.veth(a, b)
        building.settle(a, b)
        load(b, _RULES)
        yield Filtered(a, b)


def need() -> None:
    """Be sure that there is a program to load rules with.

    Raises:
        MissingError: there is none.
    """
    if shutil.which(_nft()[0]) is None:
        raise MissingError(_WHAT, "needs nft of nftables")


def load(namespace: Namespace, rules: str) -> None:
    """Add rules, all or none.

    Args:
        namespace: Where.
        rules: In the language of ``nft``.

    Raises:
        MissingError: the kernel does not take them.
    """
    try:
        namespace.run(_nft("--file -"), stdin=rules)
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip().partition("\n")[0]
        raise MissingError(_WHAT, f"this kernel does not take rules of nftables: {reason}") from None


def counters(namespace: Namespace) -> dict[str, int]:
    """Names of the counters in a namespace, with how many packets each has seen."""
    listing = json.loads(namespace.run(_nft("--json list counters")).stdout)["nftables"]
    return {entry["counter"]["name"]: entry["counter"]["packets"] for entry in listing if "counter" in entry}


def _nft(arguments: str = "") -> list[str]:
    return f"nft {arguments}".split()
