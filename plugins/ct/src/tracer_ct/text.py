"""Text of connections: that of Retis, and alike for what it does not report."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from tracer_ct.sections import Connection, Other

if TYPE_CHECKING:
    from tracer_ct.sections import Ct, CtOther, Tuple

_STATEFUL = ("tcp", "sctp")
_HOSTS = "{ip.src} > {ip.dst}"
_PORTS = "{ip.src}.{it.sport} > {ip.dst}.{it.dport}"
_BRACKETS = {
    "tcp": _PORTS,
    "udp": _PORTS,
    "icmp": _HOSTS + " type {it.type} code {it.code} id {it.id}",
    "sctp": _PORTS + " vtag {it.vtag:#x}",
    "gre": _HOSTS + " srckey {it.srckey:#x} dstkey {it.dstkey:#x}",
}
_ZONES = {"Default": "zone {}", "Original": "orig-zone {}", "Reply": "reply-zone {}"}


def format_ct(ct: Ct, *, multi_line: bool) -> str:
    """The connection, and its parent on a line of its own or behind it."""
    own = _connection(Connection._make(ct[1:-1]))
    return f"ct_state {ct.state.upper()} {own}{_parent(ct.parent, multi_line=multi_line)}"


def format_ct_other(other: CtOther, *, multi_line: bool) -> str:
    """The same for what is not in ``ct``."""
    connection = "" if other.connection is None else f" {_connection(other.connection)}"
    return f"ct_state {other.state.upper()}{connection}{_parent(other.parent, multi_line=multi_line)}"


def _parent(parent: Connection | None, *, multi_line: bool) -> str:
    if parent is None:
        return ""
    before = "\n\\" if multi_line else ""
    return f"{before} parent [{_connection(parent)}]"


@lru_cache(4096)
def _connection(connection: Connection) -> str:
    """The same for all packets of a connection, but for what changes in it."""
    # where there is no zone, what is before keeps its space
    text = f"status {connection.ct_status:#x} {_protocol(connection)}"
    text += _ZONES.get(connection.zone_dir, "").format(connection.zone_id)
    if connection.mark is not None:
        text += f" mark {connection.mark}"
    if connection.labels is not None:
        text += f" labels {connection.labels.hi << 64 | connection.labels.lo:#x}"
    return text


def _protocol(connection: Connection) -> str:
    """Protocol, state and tuples, with a space behind; nothing if the tuples are of different protocols."""
    orig, reply = _direction(connection.orig), _direction(connection.reply)
    if orig is None or reply is None or orig[0] != reply[0]:
        return ""
    name = orig[0]
    state = f" ({connection.proto_state or 'UNKNOWN'})" if name in _STATEFUL else ""
    return f"{name}{state} orig [{orig[1]}] reply [{reply[1]}] "


def _direction(side: Tuple) -> tuple[str, str] | None:
    """Name of the protocol, and what is between the brackets."""
    for name, found in zip(side.proto._fields, side.proto, strict=True):
        if found is not None:
            if not isinstance(found, Other):
                return name, _BRACKETS[name].format(ip=side.ip, it=found)
            template = _PORTS if found.sport or found.dport else _HOSTS
            return f"proto {found.number}", template.format(ip=side.ip, it=found)
    return None
