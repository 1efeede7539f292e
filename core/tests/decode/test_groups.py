"""Groups: fields of a section that only some events have, each with a bit of its own in a record."""

from __future__ import annotations

import struct
from typing import Annotated, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend.base import Batch
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import PluginError, RunError
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe, PlannedSection
from tracer_core.testing.events import decoded
from tracer_core.types import Probe
from tracer_core.wire import BOOL, U8, U16, U32, Blob, layout_of, section


class Size(NamedTuple):
    length: U32
    large: BOOL


class Owner(NamedTuple):
    uid: U16


class Place(NamedTuple):
    shelf: U8


class Loose(NamedTuple):
    """Of no section."""

    value: U8


@section("item")
class Item(NamedTuple):
    """Of nothing but groups."""

    size: Size | None
    owner: Owner | None


@section("parcel")
class Parcel(NamedTuple):
    """With fields of its own."""

    weight: U32
    place: Place | None


NOTHING = Prototype((), "void", "", 0)


def plan_of(*classes: type[Any]) -> Plan:
    planned, shift = [], 0
    for whole in map(layout_of, classes):
        for layout in whole.placed():
            planned.append(PlannedSection(layout, shift, whole if layout is not whole else None))
            shift += layout.bits
    probe = PlannedProbe(Probe.tracepoint("net:one"), NOTHING, 0)
    return Plan("test", (), (), (), tuple(planned), (), (probe,), ())


PLAN = plan_of(Item, Parcel)
NAMES = ["item.size", "item.owner", "parcel", "parcel.place"]


def batch_of(records: list[dict[str, bytes]]) -> Batch:
    """Records with these of the plan's pieces."""
    data, offsets = b"", []
    for pieces in records:
        mask, body = 0, b""
        for planned in PLAN.sections:
            piece = pieces.get(planned.layout.name)
            if piece is not None:
                mask |= 1 << planned.shift
                body += piece.ljust(planned.layout.size, b"!")
        offsets.append(len(data) + 8)
        header = struct.pack("<QQQIIII16s", 1, mask, 0, 10, 10, 0, 0, b"x")
        data += struct.pack("<II", len(header + body), 0) + header + body
    return Batch(data, tuple(offsets))


sizes = st.none() | st.builds(Size, st.integers(0, 2**32 - 1), st.booleans())
owners = st.none() | st.builds(Owner, st.integers(0, 2**16 - 1))
parcels = st.none() | st.builds(Parcel, st.integers(0, 2**32 - 1), st.none() | st.builds(Place, st.integers(0, 255)))


@given(st.lists(st.tuples(st.builds(Item, sizes, owners), parcels), max_size=12))
def test_events_have_the_groups_that_their_records_have(sent: list[tuple[Item, Parcel | None]]) -> None:
    records = []
    for item, parcel in sent:
        pieces = {}
        if item.size:
            pieces["item.size"] = struct.pack("<IB", *item.size)
        if item.owner:
            pieces["item.owner"] = struct.pack("<H", *item.owner)
        if parcel:
            pieces["parcel"] = struct.pack("<I", parcel.weight)
            if parcel.place:
                pieces["parcel.place"] = struct.pack("<B", *parcel.place)
        records.append(pieces)
    events = decoded(PLAN, (), batch_of(records))
    assert len(events) == len(sent)
    for event, (item, parcel) in zip(events, sent, strict=True):
        assert event.get(Item) == (item if any(item) else None)
        assert event.get(Parcel) == parcel


def test_a_truth_value_is_one() -> None:
    (event,) = decoded(PLAN, (), batch_of([{"item.size": struct.pack("<IB", 7, 1)}]))
    found = event.get(Item)
    assert found is not None
    assert found.size is not None
    assert found.size.large is True


def test_a_group_without_its_section_is_a_corrupt_record() -> None:
    batch = batch_of([{"parcel": bytes(4)}, {"parcel.place": bytes(1)}])
    with pytest.raises(RunError, match="does not fit the plan"):
        ColumnDecoder(PLAN, ()).decode(batch)


def test_what_records_hold_has_names_of_its_own_in_c() -> None:
    assert [planned.layout.name for planned in PLAN.sections] == NAMES
    assert [planned.layout.c_name for planned in PLAN.sections] == [name.replace(".", "_") for name in NAMES]
    assert "struct section_item_size {\n\tu32 length;\n\tu8 large;\n}" in PLAN.sections[0].layout.c_struct()


def test_groups_must_come_last() -> None:
    class Early(NamedTuple):
        group: Loose | None
        value: U8

    with pytest.raises(PluginError, match="section early: groups must be the last fields"):
        section("early")(Early)


def test_groups_of_one_class_have_names_of_their_own() -> None:
    class Twice(NamedTuple):
        one: Loose | None
        other: Loose | None

    Twice.__annotations__ = {"one": Loose | None, "other": Loose | None}  # hints are looked up in the module
    parts = layout_of(section("twice")(Twice)).parts
    assert {field: part.name for field, part in parts.items()} == {"one": "twice.one", "other": "twice.other"}


def test_a_variable_part_stands_before_groups() -> None:
    class Note(NamedTuple):
        value: U8

    class Letter(NamedTuple):
        size: U32
        text: Annotated[bytes, Blob(8, "size")]
        note: Note | None

    Note.__annotations__ = {"value": U8}
    Letter.__annotations__ = {"size": U32, "text": Annotated[bytes, Blob(8, "size")], "note": Note | None}
    layout = layout_of(section("letter")(Letter))
    assert layout.variable is not None
    assert (layout.variable.name, list(layout.parts)) == ("text", ["note"])
