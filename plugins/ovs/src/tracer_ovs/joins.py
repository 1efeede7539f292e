"""How events of one packet find each other across the border, whatever they say of its identity."""

from __future__ import annotations

from tracer_core.api import Join, JoinRole
from tracer_ovs.sections import Ovs, OvsUpcall

_BY_UPCALL, _BY_QUEUE = ("upcall_cpu", "upcall_ts"), ("queue_id",)


def _join(event_type: str, space: str, key: tuple[str, ...], role: JoinRole) -> Join:
    return Join(Ovs, space, key, role, when=("event_type", event_type))


# by the upcall first: files of Retis have it only in the kernel's own events, hence the number of the packet
JOINS = (
    _join("upcall", "upcall", ("cpu", "header.timestamp"), JoinRole.OPEN),
    _join("upcall_enqueue", "upcall", _BY_UPCALL, JoinRole.JOIN),
    _join("upcall_return", "upcall", _BY_UPCALL, JoinRole.JOIN),
    Join(OvsUpcall, "upcall", ("cpu", "timestamp"), JoinRole.ADOPT),
    _join("upcall_enqueue", "queue", _BY_QUEUE, JoinRole.OPEN),
    _join("recv_upcall", "queue", _BY_QUEUE, JoinRole.JOIN),
    _join("flow_operation", "queue", _BY_QUEUE, JoinRole.JOIN),
    _join("action_execute", "queue", _BY_QUEUE, JoinRole.ADOPT),
)
