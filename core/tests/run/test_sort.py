"""Journeys on their way from the ring to outputs, while the run goes on."""

from __future__ import annotations

import logging
import struct
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from core.tests.files.arrow_samples import KERNEL_PROBES, Sent, Small, batch_of, plan_of

from tracer_core import own
from tracer_core.events.objects import events_of
from tracer_core.kernel.recorded import RecordedKernel
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.run.drain import Drain
from tracer_core.run.prepare import Prepared
from tracer_core.run.sort import SortSink
from tracer_core.run.tracked_data import TrackedDataRecords
from tracer_core.sections import TrackedData
from tracer_core.testing import kernels
from tracer_core.types import CollectorSpec, Join, JoinRole
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.backend.base import Batch
    from tracer_core.events.batch import EventBatch

PLAN = plan_of((SkbTracking, Small, TrackedData), KERNEL_PROBES)
SECOND = 1_000_000_000
JOINS = (Join(Small, "number", ("value",), JoinRole.OPEN), Join(Small, "number", ("value",), JoinRole.JOIN))


def prepared(joins: tuple[Join, ...] = ()) -> Prepared:
    spec = CollectorSpec("demo", "A test.", sections=(SkbTracking, Small), identity=SkbTracking, joins=joins)
    kernel = RecordedKernel(Path(kernels.__file__).parent / "6.18")
    return Prepared(PLAN, (Declaration(Owner("demo"), spec, None),), (), own.declaration(kernel))


def seen(at: int, packet: int | None, value: int | None = None) -> Sent:
    """An event."""
    which = None if packet is None else struct.pack("<QQQ", packet, packet, 7)
    return Sent(at, 0, b"x", (which, None if value is None else struct.pack("<H", value), None))


def told(at: int, packet: int, more: int = -1) -> Sent:
    """What a helper says of a packet's data."""
    return Sent(at, 1, b"", (None, None, struct.pack("<QQq", packet, packet, more)))


@dataclass
class Output:
    """Keeps what it is given: times of events, by journey."""

    found: list[list[int]] = field(default_factory=list)
    ticks: int = 0
    facts: Mapping[str, Any] | None = None

    def write(self, batch: EventBatch) -> None:
        assert batch.series is not None
        before = None
        for number, event in zip(batch.series.tolist(), events_of(batch), strict=True):
            assert event.get(TrackedData) is None
            if number != before:
                self.found.append([])
            self.found[-1].append(event.header.timestamp)
            before = number

    def tick(self) -> None:
        self.ticks += 1

    def end(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts

    def taken(self) -> list[list[int]]:
        """What came since the last call."""
        found, self.found = self.found, []
        return found


@dataclass
class Run:
    """A sink, with what sifts for it."""

    sink: SortSink
    tracked_data: TrackedDataRecords
    output: Output

    def give(self, *sent: Sent) -> None:
        events = self.tracked_data.sift(batch_of(PLAN, sent))
        if events:
            self.sink.take(events)
        self.sink.tick()


def run(*, live: bool = False, most: int = 0, joins: tuple[Join, ...] = ()) -> Run:
    tracked_data, output = TrackedDataRecords(PLAN), Output()
    sink = SortSink(prepared(joins), tracked_data, [output], most=most, timeout=10 * SECOND, live=live)
    return Run(sink, tracked_data, output)


def test_what_is_told_of_data_is_no_event() -> None:
    records = TrackedDataRecords(PLAN)
    batch = batch_of(PLAN, [seen(1, 1), told(2, 1), seen(3, None), told(4, 5, 1), told(5, 6)])
    events = records.sift(batch)
    assert list(events.offsets) == [batch.offsets[0], batch.offsets[2]]
    assert list(records.take()) == [(1, 1, -1), (5, 5, 1), (6, 6, -1)]
    assert list(records.take()) == []
    assert records.sift(events) is events
    assert len(records.sift(batch_of(PLAN, [told(1, 1)]))) == 0


def test_a_plan_that_tells_nothing_has_events_only() -> None:
    plan = plan_of((SkbTracking, Small), KERNEL_PROBES)
    batch = batch_of(plan, [Sent(1, 0, b"", (None, b"\1\2"))])
    assert TrackedDataRecords(plan).sift(batch) is batch


def test_journeys_come_out_as_they_end_and_the_others_at_the_end() -> None:
    made = run()
    made.give(seen(1, 1), seen(2, 2), seen(3, None), seen(4, 1))
    assert made.output.taken() == [[3]]
    made.give(told(5, 1))
    assert made.output.taken() == [[1, 4]]
    made.give(seen(6, 2))
    assert made.output.taken() == []
    made.sink.end({"lost": {}})
    assert made.output.taken() == [[2, 6]]
    assert made.output.facts == {"lost": {}}
    assert made.output.ticks == 3


def test_of_events_and_the_end_in_one_batch_all_are_in_the_journey() -> None:
    made = run()
    made.give(seen(1, 1), told(3, 1), seen(2, 1))  # of another CPU
    assert made.output.taken() == [[1, 2]]


def test_without_a_clock_events_tell_how_long_nothing_was_heard() -> None:
    made = run()
    made.give(seen(1, 1), seen(2, 2))
    made.give(seen(9 * SECOND, 2))
    assert made.output.taken() == []
    made.give(seen(11 * SECOND, None))
    assert made.output.taken() == [[1], [11 * SECOND]]


def test_of_a_run_the_clock_tells_how_long_nothing_was_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [5 * SECOND]
    monkeypatch.setattr(time, "clock_gettime_ns", lambda _: now[0])
    made = run(live=True)
    made.give(seen(4 * SECOND, 1))
    now[0] = 13 * SECOND
    made.sink.tick()
    assert made.output.taken() == []
    now[0] = 16 * SECOND
    made.sink.tick()
    assert made.output.taken() == [[4 * SECOND]]


def test_when_more_wait_than_may_the_earliest_come_out() -> None:
    made = run(most=4)
    made.give(seen(1, 1), seen(2, 2), seen(3, 3), seen(4, 1))
    assert made.output.taken() == [[1, 4]]
    made.give(told(5, 2))
    assert made.output.taken() == [[2]]


def test_what_was_not_joined_is_said_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    made = run(joins=JOINS)
    with caplog.at_level(logging.WARNING):
        made.give(seen(1, None, 3))
        made.sink.end({})
    assert made.output.taken() == [[1]]
    (message,) = caplog.messages
    assert message.startswith("1 event(s) belong to journeys that were not found (1 by demo.number)")


class _Backend:
    """Gives batches, one at a time."""

    live = False

    def __init__(self, *batches: Batch) -> None:
        self._batches = iter(batches)

    def read(self) -> Batch | None:
        return next(self._batches, None)


@pytest.mark.parametrize(("limit", "found"), [(0, [[1, 4], [2]]), (2, [[1], [2]])])
def test_the_drain_counts_events_alone(limit: int, found: list[list[int]]) -> None:
    made = run()
    backend = _Backend(batch_of(PLAN, [seen(1, 1), told(2, 9), seen(2, 2)]), batch_of(PLAN, [told(3, 9), seen(4, 1)]))
    drain = Drain(
        backend,  # type: ignore[arg-type] # what a drain needs of one
        lambda: [made.sink],
        limit=limit,
        sift=made.tracked_data.sift,
        facts=dict,
        ended=lambda: None,
    )
    with drain:
        drain.start()
        drain.check()
    assert drain.count == sum(map(len, found))
    assert sorted(made.output.taken()) == found
