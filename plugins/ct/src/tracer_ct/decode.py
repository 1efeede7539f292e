"""From records of connections to what readers see, by columns."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address
from socket import AF_INET, IPPROTO_GRE, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP, inet_ntoa
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.api import Columns, Group
from tracer_ct import kernel as facts

if TYPE_CHECKING:
    from tracer_core.api import Kernel

STATES = {0: "established", 1: "related", 2: "new", 3: "reply", 4: "related_reply", 7: "untracked"}
"""``enum ip_conntrack_info``, as files name it."""

ZONE_DIRECTIONS = ("None", "Original", "Reply", "Default")
"""By the bits of ``zone.dir``."""

_IPV4_MAPPED = bytes(10) + b"\xff\xff"
_KNOWN = (IPPROTO_TCP, IPPROTO_UDP, IPPROTO_ICMP, IPPROTO_ICMPV6, IPPROTO_SCTP, IPPROTO_GRE)


class ConnectionDecoder:
    """Decodes records of a kernel.

    Args:
        kernel: It, for the names of states.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._has_mark = facts.has_mark(kernel)
        self._states = {
            IPPROTO_TCP: facts.names(kernel, "tcp_conntrack"),
            IPPROTO_SCTP: facts.names(kernel, "sctp_conntrack"),
        }

    def known(self, raw: Columns) -> Columns:
        """Columns of the section ``ct``."""
        return {**_state(raw), **self._connection(raw["connection"].columns), "parent": self._group(raw["parent"])}

    def other(self, raw: Columns) -> Columns:
        """Columns of the section ``ct-other``."""
        return {**_state(raw), **{name: self._group(raw[name]) for name in ("connection", "parent")}}

    def _group(self, raw: Group | None) -> Group | None:
        return None if raw is None else Group(self._connection(raw.columns), raw.rows)

    def _connection(self, raw: Columns) -> Columns:
        labels = np.flatnonzero(raw["labels_lo"] | raw["labels_hi"])
        return {
            "zone_id": raw["zone_id"],
            "zone_dir": [ZONE_DIRECTIONS[bits & 3] for bits in raw["zone_dir"].tolist()],
            "orig": _tuple(raw, "orig"),
            "reply": _tuple(raw, "reply"),
            "proto_state": self._named(raw["protocol"], raw["proto_state"]),
            "mark": raw["mark"] if self._has_mark else [None] * len(raw["mark"]),
            "labels": Group({"hi": raw["labels_hi"][labels], "lo": raw["labels_lo"][labels]}, labels),
            "ct_status": raw["status"],
        }

    def _named(self, protocols: Any, states: Any) -> list[str | None]:  # noqa: ANN401 - arrays
        # few of them are different
        codes, index = np.unique(protocols.astype(np.uint16) << 8 | states, return_inverse=True)
        names = [self._name(*divmod(code, 256)) for code in codes.tolist()]
        return [names[code] for code in index.tolist()]

    def _name(self, protocol: int, state: int) -> str | None:
        names = self._states.get(protocol)
        return None if names is None else names.get(state, str(state))


def _state(raw: Columns) -> Columns:
    return {"state": [STATES[info] for info in raw["state"].tolist()]}


def _tuple(raw: Columns, way: str) -> Group:
    families = raw["family"].tolist()
    ip = {name: list(map(_address, raw[f"{way}_{name}"].tolist(), families)) for name in ("src", "dst")}
    ip["version"] = ["v4" if family == AF_INET else "v6" for family in families]
    return Group({"ip": Group(ip), "proto": Group(_protocols(raw, way))})


def _protocols(raw: Columns, way: str) -> Columns:
    protocol, source, target = (raw[name] for name in ("protocol", f"{way}_from", f"{way}_to"))

    def group(rows: Any, **columns: Any) -> Group:  # noqa: ANN401 - arrays
        return Group({name: column[rows] for name, column in columns.items()}, rows)

    def of(*numbers: int) -> Any:  # noqa: ANN401 - an array
        return np.flatnonzero(np.isin(protocol, numbers))

    code, kind = (target & 0xFF).astype(np.uint8), (target >> 8).astype(np.uint8)
    others = np.flatnonzero(~np.isin(protocol, _KNOWN))
    return {
        "tcp": group(of(IPPROTO_TCP), sport=source, dport=target),
        "udp": group(of(IPPROTO_UDP), sport=source, dport=target),
        "icmp": group(of(IPPROTO_ICMP, IPPROTO_ICMPV6), code=code, type=kind, id=source),
        "sctp": group(of(IPPROTO_SCTP), sport=source, dport=target, vtag=raw[f"{way}_vtag"]),
        "gre": group(of(IPPROTO_GRE), srckey=source, dstkey=target),
        "other": group(others, number=protocol, sport=source, dport=target),
    }


@lru_cache(4096)
def _address(raw: bytes, family: int) -> str:
    """Text of an address whose last zeros may have been taken for padding."""
    if family == AF_INET:
        return inet_ntoa(raw[:4].ljust(4, b"\0"))
    whole = raw.ljust(16, b"\0")
    if whole.startswith(_IPV4_MAPPED):
        return f"::ffff:{inet_ntoa(whole[12:])}"
    return str(IPv6Address(whole))
