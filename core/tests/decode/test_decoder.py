from __future__ import annotations

import struct
from typing import Annotated, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend.base import Batch
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.decode.records import locate
from tracer_core.errors import PluginError, RunError
from tracer_core.events.batch import Blobs
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe, PlannedSection
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.sections import Event
from tracer_core.testing.events import decoded
from tracer_core.types import CollectorSpec, Columns, Decoder, Probe
from tracer_core.wire import BLOB_STEP, U16, U32, Blob, layout_of, section


@section("small")
class Small(NamedTuple):
    value: U16


@section("large")
class Large(NamedTuple):
    size: U32
    data: Annotated[bytes, Blob(200, "size")]


PLAN = Plan(
    release="test",
    owners=(),
    arg_types=(),
    fragments=(),
    sections=(PlannedSection(layout_of(Small), 0), PlannedSection(layout_of(Large), 1)),
    shapes=(),
    probes=tuple(
        PlannedProbe(Probe.tracepoint(target), Prototype((), "void", "", 0), 0) for target in ("net:one", "net:two")
    ),
    netns=(),
)


class Sent(NamedTuple):
    """An event as the kernel's side would write it."""

    timestamp: int
    probe: int
    small: int | None
    large: bytes | None

    def record(self) -> bytes:
        mask, body = 0, b""
        if self.small is not None:
            mask |= 1
            body += struct.pack("<H6x", self.small)
        if self.large is not None:
            steps = -(-len(self.large) // BLOB_STEP)
            mask |= (1 | steps << 1) << 1
            body += struct.pack("<I4x", len(self.large)) + self.large.ljust(steps * BLOB_STEP, b"?")
        header = struct.pack("<QQQIIII16s", self.timestamp, mask, 3, 10, 11, 1, self.probe, b"ping")
        return header + body


def batch_of(records: list[bytes]) -> Batch:
    data, offsets = b"", []
    for record in records:
        offsets.append(len(data) + 8)
        data += struct.pack("<II", len(record), 0) + record + bytes(-len(record) % 8)
    return Batch(data, tuple(offsets))


sent_events = st.builds(
    Sent,
    st.integers(0, 2**64 - 1),
    st.integers(0, 1),
    st.none() | st.integers(0, 2**16 - 1),
    st.none() | st.binary(min_size=0, max_size=200),
)


@given(st.lists(sent_events, max_size=20))
def test_events_come_out_as_they_went_in_and_in_ring_order(sent: list[Sent]) -> None:
    events = decoded(PLAN, (), batch_of([event.record() for event in sent]))
    assert [event.header.timestamp for event in events] == [event.timestamp for event in sent]
    for event, original in zip(events, sent, strict=True):
        assert event.probe.symbol == ("net:one", "net:two")[original.probe]
        assert event.get(Small) == (None if original.small is None else Small(original.small))
        expected = None if original.large is None else Large(len(original.large), original.large)
        assert event.get(Large) == expected
        assert (event.header.pid, event.header.tgid, event.header.cpu, event.header.lost) == (10, 11, 1, 3)
        assert event.header.comm == b"ping"


def test_a_records_size_follows_from_its_mask() -> None:
    masks = np.array([0, 1, 0b1110 | 1], np.uint64)
    _, ends = locate(masks, np.array([8, 80, 200]), PLAN.sections)
    assert ends.tolist() == [8 + 56, 80 + 56 + 8, 200 + 56 + 8 + 8 + 3 * BLOB_STEP]


@given(st.lists(sent_events, min_size=1, max_size=20))
def test_columns_have_the_values_of_those_events_that_have_the_section(sent: list[Sent]) -> None:
    columns = ColumnDecoder(PLAN, ()).decode(batch_of([event.record() for event in sent]))
    assert columns.header["timestamp"].tolist() == [event.timestamp for event in sent]
    found = {section.form.name: section for section in columns.sections}
    for name, field, values in (
        ("small", "value", [event.small for event in sent]),
        ("large", "data", [event.large for event in sent]),
    ):
        rows = [row for row, value in enumerate(values) if value is not None]
        assert (name in found) == bool(rows)
        if not rows:
            continue
        section, column = found[name], found[name].columns[field]
        assert isinstance(column, (np.ndarray, Blobs))
        assert column.tolist() == [values[row] for row in rows]
        assert (len(rows) == len(sent)) if section.rows is None else (section.rows.tolist() == rows)


def test_an_empty_batch_has_no_events() -> None:
    assert decoded(PLAN, (), Batch(b"", ())) == []


def declaration(decoder: Decoder) -> Declaration:
    spec = CollectorSpec("demo", "A test.", sections=(Small,))
    return Declaration(Owner("demo", "tracer-demo", "2.0"), spec, None, decoders=(decoder,))


def decode_small(decoder: Decoder) -> list[Event]:
    return decoded(PLAN, (declaration(decoder),), batch_of([Sent(1, 0, 7, None).record()] * 3))


def test_a_decoder_takes_and_gives_columns() -> None:
    def double(columns: Columns) -> Columns:
        return {"value": [int(value) * 2 for value in columns["value"]]}

    assert [event.get(Small) for event in decode_small(Decoder(Small, double))] == [Small(14)] * 3


@pytest.mark.parametrize(
    "broken",
    [lambda _: {}, lambda _: {"value": [1]}, lambda columns: columns["gone"], lambda _: None],
    ids=["no columns", "too few values", "raises", "nothing"],
)
def test_a_broken_decoder_is_blamed_by_name(broken: object) -> None:
    with pytest.raises(PluginError, match=r"collector demo \(tracer-demo 2.0\): decoding section small failed"):
        decode_small(Decoder(Small, broken))  # type: ignore[arg-type]


@given(st.lists(sent_events, min_size=1, max_size=5), st.data())
def test_corrupt_records_give_events_or_a_clear_error(sent: list[Sent], data: st.DataObject) -> None:
    batch = batch_of([event.record() for event in sent])
    corrupt = bytearray(batch.data)
    for _ in range(data.draw(st.integers(1, 4))):
        corrupt[data.draw(st.integers(0, len(corrupt) - 1))] = data.draw(st.integers(0, 255))
    try:
        events = decoded(PLAN, (), Batch(bytes(corrupt), batch.offsets))
    except RunError:
        return
    assert len(events) == len(sent)
