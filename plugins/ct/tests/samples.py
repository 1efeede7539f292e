"""Connections in any state, for tests of what is made of them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from hypothesis import strategies as st

from tracer_ct.decode import STATES, ZONE_DIRECTIONS
from tracer_ct.sections import Connection, Ct, CtOther, Gre, Icmp, Ip, Labels, Other, Ports, Protocol, Sctp, Tuple


def number(bits: int) -> st.SearchStrategy[int]:
    return st.sampled_from([0, 1, (1 << bits) - 1]) | st.integers(0, (1 << bits) - 1)


ports = st.builds(Ports, number(16), number(16))
THEIRS: dict[str, st.SearchStrategy[Any]] = {
    "tcp": ports,
    "udp": ports,
    "icmp": st.builds(Icmp, number(8), number(8), number(16)),
    "sctp": st.builds(Sctp, number(16), number(16), number(32)),
}
"""Protocols that Retis knows."""

OURS: dict[str, st.SearchStrategy[Any]] = {
    "gre": st.builds(Gre, number(16), number(16)),
    "other": st.builds(Other, number(8), number(16), number(16)),
}
"""Those that only we know."""

ips = st.builds(
    lambda src, dst: Ip(str(IPv4Address(src)), str(IPv4Address(dst)), "v4"), number(32), number(32)
) | st.builds(lambda src, dst: Ip(str(IPv6Address(src)), str(IPv6Address(dst)), "v6"), number(128), number(128))


def tuples(protocol: str) -> st.SearchStrategy[Tuple]:
    variant = (THEIRS | OURS)[protocol].map(lambda found: Protocol(**{protocol: found}))
    return st.builds(Tuple, ips, variant)


def _connection(protocol: str) -> st.SearchStrategy[Connection]:
    return st.builds(
        Connection,
        zone_id=number(16),
        zone_dir=st.sampled_from(ZONE_DIRECTIONS),
        orig=tuples(protocol),
        reply=tuples(protocol),
        proto_state=st.none() | st.sampled_from(["ESTABLISHED", "SYN_SENT", "200"]),
        mark=st.none() | number(32),
        labels=st.none() | st.builds(Labels, number(64), number(64)),
        ct_status=number(64),
    )


def connections(protocols: dict[str, Any]) -> st.SearchStrategy[Connection]:
    return st.sampled_from(sorted(protocols)).flatmap(_connection)


cts = st.builds(
    lambda state, connection, parent: Ct._make((state, *connection, parent)),
    st.sampled_from(sorted(STATES.values())),
    connections(THEIRS),
    st.none() | connections(THEIRS),
)
others = st.just(CtOther("untracked", None, None)) | st.builds(
    CtOther, st.sampled_from(sorted(STATES.values())), connections(OURS), st.none() | connections(THEIRS | OURS)
)
