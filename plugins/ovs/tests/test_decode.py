"""From records to sections: every kind of step, in batches of many, and in files."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tracer_core.api import Group
from tracer_core.events.batch import SectionColumns
from tracer_core.events.form import form_of
from tracer_core.files.json.form import objects
from tracer_core.testing.kernels import recorded_kernel
from tracer_ovs.decode import KINDS, OvsDecoder
from tracer_ovs.record import OvsRecord
from tracer_ovs.sections import Ovs

if TYPE_CHECKING:
    from collections.abc import Iterable

GROUPS = [name for name in OvsRecord._fields if name != "kind"]
RECEIVED = {
    "batch_ts": 140,
    "queue_id": 77,
    "batch_idx": 1,
    "op_type": 0,
}
CT = {
    "min_addr": bytes([10, 244, 1, 3]),
    "max_addr": bytes([10, 244, 1, 30]),
    "range_flags": 0x3,
    "zone_id": 20,
    "family": 2,
    "min_port": 36895,
    "max_port": 36900,
    "commit": 1,
    "force": 0,
    "nat": 5,
}


def action(type_: int, argument: int = 0, recirc_id: int = 0) -> dict[str, Any]:
    return {"recirc_id": recirc_id, "argument": argument, "type": type_}


STEPS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        {"kind": "upcall", "call": {"port": 9, "cpu": 2, "cmd": 1}},
        {"cmd": 1, "port": 9, "cpu": 2},
    ),
    (
        {
            "kind": "upcall_enqueue",
            "enqueue": {"upcall_ts": 99, "upcall_cpu": 2, "port": 9, "queue_id": 77, "ret": -12, "cmd": 1},
        },
        {"ret": -12, "cmd": 1, "port": 9, "upcall_ts": 99, "upcall_cpu": 2, "queue_id": 77},
    ),
    (
        {"kind": "upcall_return", "ret": {"upcall_ts": 99, "upcall_cpu": 2, "ret": 0}},
        {"ret": 0, "upcall_ts": 99, "upcall_cpu": 2},
    ),
    (
        {"kind": "recv_upcall", "received": RECEIVED, "arrival": {"key_size": 124, "type": 0, "pkt_size": 98}},
        {
            "type": 0,
            "pkt_size": 98,
            "key_size": 124,
            "queue_id": 77,
            "batch_ts": 140,
            "batch_idx": 1,
        },
    ),
    (
        {"kind": "flow_operation", "received": {**RECEIVED, "op_type": 1}},
        {
            "op_type": "put",
            "queue_id": 77,
            "batch_ts": 140,
            "batch_idx": 1,
        },
    ),
    (
        {"kind": "action_execute", "action": action(1, 4, 0x20), "received": RECEIVED},
        {
            "action": "output",
            "port": 4,
            "recirc_id": 0x20,
            "queue_id": 77,
        },
    ),
    ({"kind": "action_execute", "action": action(7, 34)}, {"action": "recirc", "id": 34, "recirc_id": 0}),
    ({"kind": "action_execute", "action": action(24, 2)}, {"action": "drop", "reason": 2, "recirc_id": 0}),
    ({"kind": "action_execute", "action": action(11)}, {"action": "set_masked", "recirc_id": 0}),
    ({"kind": "action_execute", "action": action(0)}, {"recirc_id": 0}),
    ({"kind": "action_execute", "action": action(999)}, {"action": "action_999", "recirc_id": 0}),
    (
        {"kind": "action_execute", "action": action(12), "ct": CT},
        {
            "action": "ct",
            "flags": 0x1D5,
            "zone_id": 20,
            "nat": {
                "dir": "dst",
                "min_addr": "10.244.1.3",
                "max_addr": "10.244.1.30",
                "min_port": 36895,
                "max_port": 36900,
            },
            "recirc_id": 0,
        },
    ),
    (
        {"kind": "action_execute", "action": action(12), "ct": {**CT, "nat": 0, "commit": 0, "range_flags": 0}},
        {"action": "ct", "flags": 4, "zone_id": 20, "recirc_id": 0},
    ),
    (
        {
            "kind": "flow_lookup",
            "lookup": {
                "flow": 1 << 63,
                "sf_acts": 5,
                **{f"ufid_{at}": at + 1 for at in range(4)},
                "n_mask_hit": 2,
                "n_cache_hit": 1,
            },
        },
        {"flow": 1 << 63, "sf_acts": 5, "ufid": [1, 2, 3, 4], "n_mask_hit": 2, "n_cache_hit": 1},
    ),
]


def columns(records: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """What a batch of records holds, as decoders get it."""
    found = list(records)
    raw: dict[str, Any] = {"kind": np.array([KINDS.index(record["kind"]) for record in found], np.uint8)}
    for group in GROUPS:
        rows = [row for row, record in enumerate(found) if group in record]
        values = [found[row][group] for row in rows]
        raw[group] = Group({name: _column(name, values) for name in values[0]}, np.array(rows)) if rows else None
    return raw


def _column(name: str, values: list[dict[str, Any]]) -> Any:  # noqa: ANN401 - an array
    column = [value[name] for value in values]
    if isinstance(column[0], bytes):
        return np.array(column, "S16")
    return np.array(column, np.int32 if name == "ret" else np.uint64 if max(column) >> 32 else np.uint32)


def decoded(records: Iterable[dict[str, Any]], kernel: str = "6.12") -> list[dict[str, Any]]:
    """The JSON of their sections."""
    raw = columns(records)
    made = OvsDecoder(recorded_kernel(kernel)).decode(raw)
    form, count = form_of(Ovs), len(raw["kind"])
    nat = made["nat"]
    if nat is not None:
        part = form.parts["nat"]
        made["nat"] = SectionColumns(part, nat.rows, len(nat.rows), {n: _as_column(c) for n, c in nat.columns.items()})
    section = SectionColumns(form, None, count, {name: _as_column(column) for name, column in made.items()})
    return [json.loads(text) for text in objects(section)]


def _as_column(column: Any) -> Any:  # noqa: ANN401 - as decoders give it
    return np.array(column, object) if isinstance(column, list) else column


@pytest.mark.parametrize(("record", "section"), STEPS, ids=[str(number) for number in range(len(STEPS))])
def test_a_step_has_the_fields_of_its_kind_and_no_others(record: dict[str, Any], section: dict[str, Any]) -> None:
    assert decoded([record]) == [{"event_type": record["kind"], **section}]


def test_many_steps_at_once_are_each_as_they_are_alone() -> None:
    records = [record for record, _ in STEPS] * 2
    assert decoded(records) == [{"event_type": record["kind"], **section} for record, section in STEPS * 2]


def test_an_action_of_a_kernel_that_does_not_know_it_yet_has_a_number() -> None:
    (step,) = decoded([{"kind": "action_execute", "action": action(24, 2)}], "6.1")
    assert step == {"event_type": "action_execute", "action": "action_24", "recirc_id": 0}
