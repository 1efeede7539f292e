"""The text of a step, which is that of Retis; beside it names of ports, and the time since the upcall."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_ovs.enrich.ufid import ufid_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracer_core.api import TextOptions
    from tracer_ovs.sections import Nat, Ovs, OvsPort, OvsUpcall

_COMMANDS = {0: " (unspec)", 1: " (miss)", 2: " (action)", 3: " (exec)"}
_CT_FLAGS = ((1, "commit"), (2, "force"), (0x400, "persistent"), (0x200, "hash"), (0x800, "random"))


_WITH_ADDRESSES, _WITH_PORTS = 0x80, 0x100


def ovs_text(ovs: Ovs, options: TextOptions) -> str:
    """One line; of an enriched flow, several if the user wants that."""
    return _TEXTS[ovs.event_type](ovs, options) if ovs.event_type in _TEXTS else ovs.event_type


def port_text(port: OvsPort, _: TextOptions) -> str:
    """Where from, or where to."""
    name = port.name.decode(errors="replace") or "unknown"
    return f"to {name}" if port.is_output else f"from {name} ({port.number})"


def upcall_text(upcall: OvsUpcall, _: TextOptions) -> str:
    """How long ago it began."""
    return f"latency {upcall.latency / 1000:.1f}us"


def _upcall(ovs: Ovs, _: TextOptions) -> str:
    return f"upcall{_COMMANDS.get(ovs.cmd or 0, '')} port {ovs.port} cpu {ovs.cpu}"


def _enqueue(ovs: Ovs, _: TextOptions) -> str:
    command = _COMMANDS.get(ovs.cmd or 0, "")
    return f"upcall_enqueue{command} ({ovs.upcall_cpu}/{ovs.upcall_ts}) q {ovs.queue_id} ret {ovs.ret}"


def _return(ovs: Ovs, _: TextOptions) -> str:
    return f"upcall_ret ({ovs.upcall_cpu}/{ovs.upcall_ts}) ret {ovs.ret}"


def _receive(ovs: Ovs, _: TextOptions) -> str:
    return f"upcall_recv q {ovs.queue_id} pkt_size {ovs.pkt_size}"


def _operation(ovs: Ovs, _: TextOptions) -> str:
    return f"flow_{ovs.op_type} q {ovs.queue_id} ts {ovs.batch_ts} ({ovs.batch_idx})"


def _action(ovs: Ovs, _: TextOptions) -> str:
    recirculated = f"[recirc_id {ovs.recirc_id:#x}] " if ovs.recirc_id else ""
    queue = "" if ovs.queue_id is None else f" q {ovs.queue_id}"
    return f"{recirculated}exec {_what(ovs)}{queue}"


def _what(ovs: Ovs) -> str:
    name = ovs.action or "unspec"
    match name:
        case "output":
            return f"oport {ovs.port}"
        case "recirc":
            return f"recirc {ovs.id or 0:#x}"
        case "drop":
            return f"drop {ovs.reason}"
        case "ct":
            return " ".join(_ct(ovs))
    return "tunnel_set" if name == "set" else name


def _ct(ovs: Ovs) -> Iterator[str]:
    yield f"ct zone {ovs.zone_id}"
    if ovs.nat is not None:
        yield f"nat{_nat(ovs.nat, ovs.flags or 0)}"
    flags = [name for bit, name in _CT_FLAGS if (ovs.flags or 0) & bit]
    if flags:
        yield ",".join(flags)


def _nat(nat: Nat, flags: int) -> str:
    if nat.dir is None:
        return ""
    addresses = f"={_range(nat.min_addr, nat.max_addr)}" if flags & _WITH_ADDRESSES else ""
    ports = f":{_range(nat.min_port, nat.max_port)}" if flags & _WITH_PORTS else ""
    return f"({nat.dir}{addresses}{ports})"


def _range(first: str | int | None, last: str | int | None) -> str:
    return str(first) if last is None or last == first else f"{first}-{last}"


def _lookup(ovs: Ovs, options: TextOptions) -> str:
    found = f"mask {ovs.n_mask_hit} cache {ovs.n_cache_hit}"
    if not ovs.flow or ovs.ufid is None:
        return f"flow miss {found}"
    line = f"flow hit ufid {ufid_text(ovs.ufid)} {found} flow {ovs.flow:x} sf_acts {ovs.sf_acts or 0:x}"
    return "".join((line, *_enriched(ovs, options)))


def _enriched(ovs: Ovs, options: TextOptions) -> Iterator[str]:
    outer, inner = ("\n", "\n    ") if options.multi_line else (" ", " ")
    if ovs.dpflow:
        yield f"{outer}odpflow {ovs.dpflow}"
    if ovs.ofpflows:
        yield f"{outer}openflow"
        yield from (f"{inner}{rule}" for rule in ovs.ofpflows)


_TEXTS: dict[str, Callable[[Ovs, TextOptions], str]] = {
    "upcall": _upcall,
    "upcall_enqueue": _enqueue,
    "upcall_return": _return,
    "recv_upcall": _receive,
    "flow_operation": _operation,
    "action_execute": _action,
    "flow_lookup": _lookup,
}
