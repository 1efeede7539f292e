"""From records of Open vSwitch to what readers see, by columns."""

from __future__ import annotations

from ipaddress import IPv6Address
from socket import inet_ntoa
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.api import Columns, Group, Labels
from tracer_ovs.sections import Ovs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.api import Kernel

    Numbers = np.ndarray[Any, Any]

KINDS = ("upcall", "upcall_enqueue", "upcall_return", "recv_upcall", "flow_operation", "action_execute", "flow_lookup")
"""By ``kind`` of a record."""

_OPERATIONS: dict[int, str | None] = {0: None, 1: "put", 2: "exec"}
_FIELDS = {
    "ret": (("enqueue", "ret"), ("ret", "ret")),
    "cmd": (("call", "cmd"), ("enqueue", "cmd")),
    "cpu": (("call", "cpu"),),
    "upcall_ts": (("enqueue", "upcall_ts"), ("ret", "upcall_ts")),
    "upcall_cpu": (("enqueue", "upcall_cpu"), ("ret", "upcall_cpu")),
    "type": (("arrival", "type"),),
    "pkt_size": (("arrival", "pkt_size"),),
    "key_size": (("arrival", "key_size"),),
    "zone_id": (("ct", "zone_id"),),
    "recirc_id": (("action", "recirc_id"),),
    "queue_id": (("enqueue", "queue_id"), ("received", "queue_id")),
    "flow": (("lookup", "flow"),),
    "sf_acts": (("lookup", "sf_acts"),),
    "n_mask_hit": (("lookup", "n_mask_hit"),),
    "n_cache_hit": (("lookup", "n_cache_hit"),),
}
"""Fields that are as groups of the record have them, and which."""

_ENRICHED = ("dpflow", "ofpflows")  # never when they are recorded
_PREFIX = "OVS_ACTION_ATTR_"
_SAME = {"set_to_masked": "set_masked"}  # the kernel's own form of it
_FLAGS = ((1, "commit"), (2, "force"))
_FAMILIES = {2: 4, 10: 8}
# enum ovs_ct_nat and NF_NAT_RANGE_*, and how far they are shifted
_NAT, _NAT_SRC, _NAT_DST = 1, 2, 4
_NAT_SHIFT, _RANGE_SHIFT = 4, 7
_RANGE_IPS, _RANGE_PORTS = 1, 2
_RANGE_KNOWN = 0x1F
_IPV6 = 10


class OvsDecoder:
    """Decodes records of a kernel.

    Args:
        kernel: It, for the names of actions.
    """

    def __init__(self, kernel: Kernel) -> None:
        actions = (kernel.enum("ovs_action_attr") or {}).items()
        known = {number: name.removeprefix(_PREFIX).lower() for name, number in actions if name.startswith(_PREFIX)}
        self._actions: dict[int, str | None] = {number: _SAME.get(name, name) for number, name in known.items()}
        self._actions[0] = None

    def decode(self, raw: Columns) -> Columns:
        """Columns of the section ``ovs``."""
        groups = _Groups(raw)
        found: dict[str, Any] = dict.fromkeys(Ovs._fields)
        found |= {name: groups.merged(*places) for name, places in _FIELDS.items()}
        found["event_type"] = Labels.of(raw["kind"], lambda kind: KINDS[kind])
        found["op_type"] = groups.labels("received", "op_type", _OPERATIONS, only=KINDS.index("flow_operation"))
        # of actions, when and where in a batch is not said
        in_process = np.isin(raw["kind"], [KINDS.index("recv_upcall"), KINDS.index("flow_operation")])
        for name in ("batch_ts", "batch_idx"):
            found[name] = np.ma.array(groups.merged(("received", name)), mask=~in_process)
        found |= self._action(groups)
        found |= groups.ct()
        found["ufid"] = groups.ufids()
        found |= dict.fromkeys(_ENRICHED, [None] * groups.count)
        return found

    def _action(self, groups: _Groups) -> Columns:
        kinds = groups.merged(("action", "type"))
        argument = groups.merged(("action", "argument"))
        named = {name: number for number, name in self._actions.items() if name in ("output", "recirc", "drop")}
        of = {name: np.ma.array(argument, mask=np.ma.filled(kinds != number, True)) for name, number in named.items()}
        none = groups.nothing()
        port = groups.merged(("call", "port"), ("enqueue", "port"))
        output = of.get("output", none)
        return {
            "action": groups.labels("action", "type", self._actions, unknown="action_{}"),
            "port": _either(port, output),
            "id": of.get("recirc", none),
            "reason": of.get("drop", none),
        }


class _Groups:
    """The groups of records, spread over all events."""

    def __init__(self, raw: Columns) -> None:
        self._raw = raw
        self.count = len(raw["kind"])

    def _rows(self, group: str) -> tuple[Mapping[str, Any], Numbers] | None:
        found: Group | None = self._raw[group]
        if found is None:
            return None
        return found.columns, np.arange(self.count) if found.rows is None else found.rows

    def merged(self, *places: tuple[str, str]) -> Any:  # noqa: ANN401 - a masked array
        """A field of whichever of the groups an event has."""
        result: Any = None
        for group, name in places:
            found = self._rows(group)
            if found is None:
                continue
            values = np.asarray(found[0][name])
            if result is None:
                result = self.nothing(values.dtype)
            result[found[1]] = values
        return self.nothing() if result is None else result

    def nothing(self, dtype: Any = np.uint32) -> Any:  # noqa: ANN401 - a type of numpy, and a masked array
        """A column of which every value is missing."""
        return np.ma.array(np.zeros(self.count, dtype), mask=True)

    def labels(
        self,
        group: str,
        name: str,
        names: Mapping[int, str | None],
        *,
        unknown: str = "{}",
        only: int | None = None,
    ) -> Labels:
        """Names of numbers, missing where the group is, or the event is of another kind."""
        numbers = self.merged((group, name))
        missing = np.ma.getmaskarray(numbers)
        if only is not None:
            missing = missing | (self._raw["kind"] != only)
        codes = np.where(missing, -1, np.ma.filled(numbers, 0).astype(np.int64))
        return Labels.of(codes, lambda code: None if code < 0 else names.get(code, unknown.format(code)))

    def ufids(self) -> list[tuple[int, ...] | None]:
        """Identifiers of flows."""
        result: list[tuple[int, ...] | None] = [None] * self.count
        found = self._rows("lookup")
        if found is not None:
            parts = zip(*(found[0][f"ufid_{at}"].tolist() for at in range(4)), strict=True)
            for row, ufid in zip(found[1].tolist(), parts, strict=True):
                result[row] = ufid
        return result

    def ct(self) -> Columns:
        """What is said of conntrack: flags, and how addresses are translated."""
        found = self._rows("ct")
        if found is None:
            return {"flags": self.nothing(), "nat": None}
        columns, rows = found
        flags = self.nothing()
        flags[rows] = _flags(columns)
        translated = np.flatnonzero(columns["nat"])
        nat = {name: np.asarray(columns[name])[translated].tolist() for name in columns}
        return {"flags": flags, "nat": Group(_nat(nat), rows[translated]) if len(translated) else None}


def _either(first: Any, second: Any) -> Any:  # noqa: ANN401 - masked arrays
    """What is missing in the first is as in the second."""
    mask = np.ma.getmaskarray(first)
    values = np.where(mask, np.ma.getdata(second), np.ma.getdata(first))
    return np.ma.array(values, mask=mask & np.ma.getmaskarray(second))


def _flags(columns: Mapping[str, Any]) -> Numbers:
    flags = np.zeros(len(columns["nat"]), np.uint32)
    for bit, name in _FLAGS:
        flags |= np.where(columns[name], np.uint32(bit), np.uint32(0))
    for family, bit in _FAMILIES.items():
        flags |= np.where(columns["family"] == family, np.uint32(bit), np.uint32(0))
    flags |= (np.asarray(columns["nat"], np.uint32) & 7) << _NAT_SHIFT
    return flags | (np.asarray(columns["range_flags"], np.uint32) & _RANGE_KNOWN) << _RANGE_SHIFT


def _nat(nat: Mapping[str, list[Any]]) -> Columns:
    directions = [("src" if kind & _NAT_SRC else "dst" if kind & _NAT_DST else None) for kind in nat["nat"]]
    result: dict[str, list[Any]] = {"dir": directions}
    for name in ("min_addr", "max_addr"):
        result[name] = [
            _address(value, family) if flags & _RANGE_IPS else None
            for value, family, flags in zip(nat[name], nat["family"], nat["range_flags"], strict=True)
        ]
    for name in ("min_port", "max_port"):
        result[name] = [
            value if flags & _RANGE_PORTS else None for value, flags in zip(nat[name], nat["range_flags"], strict=True)
        ]
    return result


def _address(value: bytes, family: int) -> str:
    padded = value.ljust(16, b"\0")  # arrays of numpy end before the zeros
    return str(IPv6Address(padded)) if family == _IPV6 else inet_ntoa(padded[:4])
