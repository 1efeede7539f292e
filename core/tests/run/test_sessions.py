"""What sessions watch on its way to them, and what they report on its way to outputs."""

from __future__ import annotations

import json
import struct
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from core.tests.files.arrow_samples import CLASSES, KERNEL_PROBES, ONE, PLAN, TWO, Sent, about, batch_of, decoded

from tracer_core import own
from tracer_core.display.text import TextFormat
from tracer_core.events.about import about_run
from tracer_core.events.objects import events_of
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.events import open_events
from tracer_core.files.json.writer import is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.kernel.recorded import RecordedKernel
from tracer_core.plan.plan import Plan, PlannedSection
from tracer_core.plugins.exchange import Exchange, Report, Watch
from tracer_core.run.drain import Drain
from tracer_core.run.prepare import Prepared
from tracer_core.run.sessions import WatchSink, reported_events
from tracer_core.run.sinks import ArrowSink, EventSink, JsonOutput
from tracer_core.sections import ProbeInfo
from tracer_core.testing import kernels
from tracer_core.testing.events import text_of
from tracer_core.types import Columns, Group, TextOptions
from tracer_core.wire import U16, U32, layout_of, section

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.events.batch import EventBatch
    from tracer_core.sections import Event


class Part(NamedTuple):
    """A group."""

    number: U16
    """Of it."""


@section("grouped")
class Grouped(NamedTuple):
    """A section with a group."""

    kind: U32
    """Of event."""
    part: Part | None
    """A group."""


@section("answer", reported=True)
class Answer(NamedTuple):
    """What a session reports."""

    number: U32
    """Of the question."""
    texts: tuple[str, ...]
    """Several."""


@section("remark", reported=True)
class Remark(NamedTuple):
    """What else it reports."""

    text: str
    """One."""


OWN = own.declaration(RecordedKernel(Path(kernels.__file__).parent / "6.18"))
PREPARED = Prepared(PLAN, (), (), OWN, reported=(layout_of(Answer), layout_of(Remark)))
REPORTS = (Report(20, Answer(1, ("a", "b"))), Report(21, Remark("x")), Report(22, Answer(2, ())))


def plan_with_groups() -> Plan:
    """One with sections before and behind, and in between one with a group."""
    small, grouped, large = layout_of(CLASSES[2]), layout_of(Grouped), layout_of(CLASSES[1])
    sections = [PlannedSection(small, 0)]
    shift = small.bits
    for layout in grouped.placed():
        sections.append(PlannedSection(layout, shift, None if layout is grouped else grouped))
        shift += layout.bits
    sections.append(PlannedSection(large, shift))
    return Plan("test", (), (), (), tuple(sections), (), KERNEL_PROBES, ())


def sent(kind: int | None, number: int | None = None, *, small: bool = False, large: bytes | None = None) -> Sent:
    own_part = None if kind is None else struct.pack("<I", kind)
    part = None if number is None else struct.pack("<H", number)
    fixed = (b"\1\2" if small else None, own_part, part, None if large is None else b"")
    return Sent(1, 0, b"x", fixed, large or b"")


def plain(columns: Columns) -> Any:  # noqa: ANN401 - dictionaries of lists
    def value(column: Any) -> Any:  # noqa: ANN401 - a column
        if isinstance(column, Group):
            return plain(column.columns), None if column.rows is None else list(column.rows)
        return column if column is None else list(column)

    return {name: value(column) for name, column in columns.items()}


def test_of_records_the_watched_section_is_seen_as_its_decoder_is_given_it() -> None:
    plan, watch = plan_with_groups(), Watch(Grouped, 100)
    sink = WatchSink(plan, [watch])
    sink.take(batch_of(plan, [sent(None, small=True), sent(7), sent(8, 80, small=True, large=b"12"), sent(9, 90)]))
    sink.take(batch_of(plan, [sent(None, large=b"12"), sent(None, small=True)]))
    sink.take(batch_of(plan, [sent(5, small=True)]))
    first, second = watch.take(0)
    assert plain(first) == {"kind": [7, 8, 9], "part": ({"number": [80, 90]}, [1, 2])}
    assert plain(second) == {"kind": [5], "part": None}


def test_what_is_watched_does_not_keep_what_was_read_from_the_ring() -> None:
    plan, watch = plan_with_groups(), Watch(Grouped, 100)
    batch = batch_of(plan, [sent(7, 70)])
    WatchSink(plan, [watch]).take(batch)
    (columns,) = watch.take(0)
    assert columns["kind"].base is None
    assert not np.shares_memory(columns["kind"], np.frombuffer(batch.data, np.uint8))


def test_a_watch_that_is_closed_costs_no_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    plan, watch = plan_with_groups(), Watch(Grouped, 100)
    sink = WatchSink(plan, [watch])
    watch.close()
    monkeypatch.setattr("tracer_core.decode.watched.SectionDecoder.decode", None)
    sink.take(batch_of(plan, [sent(7)]))


def test_what_is_reported_is_an_event_with_a_time_and_one_section() -> None:
    events = events_of(reported_events(REPORTS, PLAN))
    assert [event.header.timestamp for event in events] == [20, 21, 22]
    assert [dict(event.sections) for event in events] == [
        {"answer": Answer(1, ("a", "b"))},
        {"remark": Remark("x")},
        {"answer": Answer(2, ())},
    ]
    for event in events:
        header = event.header
        assert (header.pid, header.tgid, header.cpu, header.comm, header.lost) == (None, None, None, None, 0)
        assert event.probe == ProbeInfo("", "", "")


def test_its_text_begins_with_the_time_alone() -> None:
    (first, *_) = events_of(reported_events(REPORTS, PLAN))
    text = text_of(TextFormat([], TextOptions()), first)
    assert text == "20\n  answer number 1 texts ('a', 'b')\n\n"


def read_back(path: Path) -> list[Event]:
    """The events of a file, without what only files of one kind say."""
    with open_events(path, (*CLASSES, Answer, Remark)) as reader:
        events = [event for batch in reader.batches() for event in events_of(batch)]
    return [event._replace(header=event.header._replace(probe=0)) for event in events]


def expected(*parts: Batch | Sequence[Report]) -> list[Event]:
    found: list[Event] = []
    for part in parts:
        found += events_of(reported_events(part, PLAN)) if isinstance(part, tuple) else decoded(PLAN, part)  # type: ignore[arg-type] # a batch
    return [event._replace(header=event.header._replace(probe=0)) for event in found]


FIRST, SECOND = batch_of(PLAN, [ONE, TWO]), batch_of(PLAN, [TWO])


def test_arrow_files_have_what_is_reported_where_it_arrived(tmp_path: Path) -> None:
    path = tmp_path / "f.arrow"
    with TargetFiles(path, is_arrow_events) as files:
        sink = ArrowSink(PREPARED, files, about(PLAN))
        for part in (FIRST, REPORTS[:1], SECOND, FIRST, REPORTS[1:]):
            give(sink, part)
        sink.end({})
    assert read_back(path) == expected(FIRST, REPORTS[:1], SECOND, FIRST, REPORTS[1:])


def test_json_lines_have_what_is_reported_as_retis_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "f.json"
    with TargetFiles(path, is_json_lines) as files:
        sink = EventSink(PREPARED, [JsonOutput(files, about_run([], [], {}, {}))])
        for part in (FIRST, REPORTS):
            give(sink, part)
        sink.end({})
    assert read_back(path)[2:] == expected(REPORTS)
    line = json.loads(path.read_text().splitlines()[3])
    assert line == {"common": {"timestamp": 20}, "answer": {"number": 1, "texts": ["a", "b"]}}


def give(sink: ArrowSink | EventSink, part: Batch | Sequence[Report]) -> None:
    if isinstance(part, tuple):
        sink.add(reported_events(part, PLAN))
    else:
        sink.take(part)  # type: ignore[arg-type] # a batch


@dataclass
class Kept:
    """A sink that keeps times of events."""

    times: list[list[int]] = field(default_factory=list)

    def take(self, batch: Batch) -> None:
        self.times.append([event.header.timestamp for event in decoded(PLAN, batch)])

    def add(self, events: EventBatch) -> None:
        self.times.append(events.header["timestamp"].tolist())

    def tick(self) -> None:
        pass

    def end(self, facts: Mapping[str, Any]) -> None:
        pass


class _Backend:
    """Gives batches, and has something reported before some of them."""

    live = False

    def __init__(self, exchange: Exchange, *parts: Batch | Sequence[Answer]) -> None:
        self._exchange = exchange
        self._parts = iter(parts)

    def read(self) -> Batch | None:
        for part in self._parts:
            if not isinstance(part, tuple):
                return part  # type: ignore[return-value] # a batch
            for value in part:
                self._exchange.add("demo", value)
        return None


@pytest.mark.parametrize(("limit", "counts"), [(0, [2, 1, 1, 1]), (3, [2, 1, 1])])
def test_what_is_reported_is_neither_counted_nor_limited(limit: int, counts: list[int]) -> None:
    exchange, sink = Exchange(), Kept()

    def reported() -> EventBatch | None:
        reports = exchange.take()
        return reported_events(reports, PLAN) if reports else None

    # what is reported while the drain reads is taken before it reads again, and what comes last is taken, too
    backend = _Backend(exchange, FIRST, (Answer(1, ()),), SECOND, (Answer(2, ()),))
    drain = Drain(
        backend,  # type: ignore[arg-type] # what a drain needs of one
        lambda: [sink],
        limit=limit,
        reported=reported,
        facts=dict,
        ended=threading.Event().set,
    )
    with drain:
        drain.start()
        drain.check()
    assert drain.count == 3
    assert drain.reported == len(counts) - 2
    assert list(map(len, sink.times)) == counts
