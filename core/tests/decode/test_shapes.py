"""Sections shaped otherwise than their records: groups that are always there, groups within groups, variants."""

from __future__ import annotations

import json
import struct
from typing import TYPE_CHECKING, Any, NamedTuple

import jsonschema
import numpy as np
import pytest
from core.tests.decode.test_groups import plan_of
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.backend.base import Batch
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import PluginError
from tracer_core.events.about import About
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.arrow.writer import ArrowEvents
from tracer_core.files.contents import Contents
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.files.json.schema import schema
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.events import decoded
from tracer_core.types import CollectorSpec, Columns, Decoder, Group
from tracer_core.wire import U8, U16, U32, layout_of, section

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tracer_core.events.batch import EventBatch


class LegRecord(NamedTuple):
    kind: U8
    number: U16


class TripRecord(NamedTuple):
    weight: U32
    out: LegRecord | None
    back: LegRecord | None


class Train(NamedTuple):
    """By rail."""

    number: U16
    """Of the train."""


class Walk(NamedTuple):
    """On foot."""

    steps: U16
    """How many."""


class Means(NamedTuple):
    """One of these."""

    train: Train | None = None
    """By rail."""
    walk: Walk | None = None
    """On foot."""


class Leg(NamedTuple):
    """A way."""

    name: str
    """What people call it."""
    means: Means
    """How."""


@section("trip", record=TripRecord)
class Trip(NamedTuple):
    """There and back; groups stand where they like."""

    out: Leg
    """There."""
    back: Leg | None
    """And back."""
    weight: U32
    """Of the luggage."""


def _leg(raw: Columns) -> Columns:
    trains, walks = np.flatnonzero(raw["kind"] == 0), np.flatnonzero(raw["kind"] == 1)
    means = {
        "train": Group({"number": raw["number"][trains]}, trains),
        "walk": Group({"steps": raw["number"][walks]}, walks),
    }
    names = [f"way {number}" for number in raw["number"].tolist()]
    return {"name": names, "means": Group(means)}


def shape(raw: Columns) -> Columns:
    back = raw["back"]
    return {
        "out": Group(_leg(raw["out"].columns)),
        "back": None if back is None else Group(_leg(back.columns), back.rows),
        "weight": raw["weight"],
    }


PLAN = plan_of(Trip)
ABOUT = About("tracer 0.1.0", "tracer collect", 17, 5, "6.1", "#1", "x86_64", sections={"trip": 1})


def declared(decode: Callable[[Columns], Columns] = shape) -> tuple[Declaration, ...]:
    spec = CollectorSpec("trips", "Trips.", sections=(Trip,))
    return (Declaration(Owner("trips"), spec, None, decoders=(Decoder(Trip, decode),)),)


def leg(kind: int, number: int) -> Leg:
    means = Means(train=Train(number)) if kind == 0 else Means(walk=Walk(number)) if kind == 1 else Means()
    return Leg(f"way {number}", means)


def batch_of(trips: list[tuple[int, tuple[int, int], tuple[int, int] | None]]) -> Batch:
    data, offsets = b"", []
    for weight, out, back in trips:
        mask = 3 if back is None else 7
        body = struct.pack("<I4xBH5x", weight, *out) + (b"" if back is None else struct.pack("<BH5x", *back))
        offsets.append(len(data) + 8)
        header = struct.pack("<QQQIIII16s", 1, mask, 0, 10, 10, 0, 0, b"x")
        data += struct.pack("<II", len(header + body), 0) + header + body
    return Batch(data, tuple(offsets))


legs = st.tuples(st.integers(0, 2), st.integers(0, 2**16 - 1))
trips = st.lists(st.tuples(st.integers(0, 2**32 - 1), legs, st.none() | legs), max_size=10)


def expected(sent: list[tuple[int, tuple[int, int], tuple[int, int] | None]]) -> list[Trip]:
    return [Trip(leg(*out), None if back is None else leg(*back), weight) for weight, out, back in sent]


@given(trips)
def test_events_have_the_shape_that_the_decoder_gives(sent: list[Any]) -> None:
    assert [event.get(Trip) for event in decoded(PLAN, declared(), batch_of(sent))] == expected(sent)


def _written(folder: Path, batch: EventBatch, name: str) -> Path:
    path = folder / name
    json_lines = name.endswith("json")
    with TargetFiles(path, is_json_lines if json_lines else is_arrow_events) as files:
        contents = Contents((form_of(Trip),))
        writer = JsonLines(files, ABOUT) if json_lines else ArrowEvents(files, ABOUT, contents)
        writer.write(batch)
        writer.end({})
    return path


@settings(max_examples=30)
@given(trips)
def test_files_hold_them_and_give_them_back(tmp_path_factory: pytest.TempPathFactory, sent: list[Any]) -> None:
    folder = tmp_path_factory.mktemp("shapes")
    batch = ColumnDecoder(PLAN, declared()).decode(batch_of(sent))
    arrow, lines = _written(folder, batch, "trips.arrow"), _written(folder, batch, "trips.json")
    validator = jsonschema.Draft202012Validator(schema([form_of(Trip)]))
    for line in lines.read_text().splitlines():
        validator.validate(json.loads(line))
    for reader in (ArrowEventsReader(arrow, [Trip]), JsonLinesReader(lines, [Trip])):
        with reader:
            found = [event.get(Trip) for batch in reader.batches() for event in events_of(batch)]
        assert found == expected(sent)


def test_the_json_is_nested_as_it_is_declared(tmp_path: Path) -> None:
    batch = ColumnDecoder(PLAN, declared()).decode(batch_of([(7, (0, 3), None)]))
    line = _written(tmp_path, batch, "trips.json").read_text().splitlines()[1]
    assert '"trip":{"out":{"name":"way 3","means":{"train":{"number":3}}},"weight":7}' in line


def test_a_record_has_what_its_own_class_says() -> None:
    layout = layout_of(Trip)
    assert [placed.name for placed in layout.placed()] == ["trip", "trip.out", "trip.back"]
    assert "u32 weight;\n}" in layout.c_struct()


def test_a_group_that_must_be_there_is_asked_for_in_files(tmp_path: Path) -> None:
    batch = ColumnDecoder(PLAN, declared()).decode(batch_of([(7, (0, 3), None)]))
    path = _written(tmp_path, batch, "trips.json")
    path.write_text(path.read_text().replace('"means":', '"by":'))
    with JsonLinesReader(path, [Trip]) as reader:
        (event,) = (event for batch in reader.batches() for event in events_of(batch))
    assert event.get(Trip) is None  # it is there as it stands, for it is not as declared
    assert "trip" in event.sections


NO_GROUP = Group({}, np.array([0]))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"out": None}, "gave no group for trip.out"),
        ({"out": Group({}, np.array([0]))}, "gave trip.out to some only"),
        ({"out": Group({"name": ["a", "b"]})}, r"gave \['name'\] of trip.out"),
        ({"back": Group({"name": [], "means": NO_GROUP}, np.array([2]))}, "not ascending or not below 2"),
        ({"back": Group({"name": [], "means": NO_GROUP}, np.array([1, 0]))}, "not ascending or not below 2"),
        ({"weight": [1]}, "gave no 2 values for trip.weight"),
        ({"weight": NO_GROUP}, "gave no 2 values for trip.weight"),
        ({"more": [1, 2]}, "gave"),
    ],
)
def test_what_a_decoder_gives_wrong_is_named_with_its_owner(change: dict[str, Any], reason: str) -> None:
    decoder = ColumnDecoder(PLAN, declared(lambda raw: {**shape(raw), **change}))
    with pytest.raises(PluginError, match=f"trips: decoding section trip failed: ValueError: .*{reason}"):
        decoder.decode(batch_of([(1, (0, 1), None), (2, (1, 2), None)]))


def test_a_section_that_is_not_its_record_needs_a_decoder() -> None:
    with pytest.raises(PluginError, match="section trip is not what its records are, and has no decoder"):
        ColumnDecoder(PLAN, ())


def test_a_group_that_must_be_there_is_for_shaped_sections_only() -> None:
    class Plain(NamedTuple):
        leg: LegRecord

    Plain.__annotations__ = {"leg": LegRecord}
    with pytest.raises(PluginError, match="field leg has no wire type"):
        section("plain")(Plain)
