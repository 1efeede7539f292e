"""Journeys that come out when they have ended: what the sorter is told of packets' data, and what it gives then."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from core.tests.sort.test_joins import ABOUT, CONTENTS, JOINS, event, sorted_events
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.distributions.joining.fixture_joining.plugin import Executed, Handled, Miss, Queued, Returned

from tracer_core.events.objects import events_of
from tracer_core.sections import Tracking
from tracer_core.sort.journeys import LINGERS
from tracer_core.sort.sorter import Sorter
from tracer_core.testing.events import batch_of
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.events.batch import EventBatch
    from tracer_core.sections import Event

A, B = (1, 0xA), (2, 0xB)


def sorter(most: int = 0) -> Sorter:
    return Sorter(CONTENTS, ABOUT, "skb-tracking", most, JOINS)


def add(made: Sorter, *events: Event) -> None:
    assert series(made.add(batch_of(events))) == []


def series(batches: Iterable[EventBatch]) -> list[list[Event]]:
    found: dict[int, list[Event]] = defaultdict(list)
    for batch in batches:
        assert batch.series is not None
        for number, one in zip(batch.series.tolist(), events_of(batch), strict=True):
            found[number].append(one)
    return list(found.values())


def times(batches: Iterable[EventBatch]) -> list[list[int]]:
    return [[one.header.timestamp for one in some] for some in series(batches)]


def freed(*packets: tuple[int, int]) -> list[tuple[int, int, int]]:
    return [(*packet, -1) for packet in packets]


def test_a_journey_comes_out_when_its_data_is_freed_and_not_before() -> None:
    made = sorter()
    add(made, event(1, A), event(2, B), event(3, A))
    assert times(made.release(3)) == []
    made.held(freed(A))
    assert times(made.release(3)) == [[1, 3]]
    assert made.waiting == 1
    assert times(made.release(3)) == []
    assert times(made.finish()) == [[2]]


def test_those_that_end_together_come_out_in_the_order_in_which_they_began() -> None:
    made = sorter()
    add(made, event(5, B), event(4, A))
    made.held(freed(B, A))
    assert times(made.release(5)) == [[4], [5]]


def test_events_of_no_packet_come_out_at_once() -> None:
    made = sorter()
    add(made, event(1, A), event(2), event(3))
    assert times(made.release(3)) == [[2], [3]]
    assert times(made.release(3)) == []


def test_data_that_is_copied_ends_when_it_is_freed_in_all_places() -> None:
    made = sorter()
    add(made, event(1, A))
    made.held([(*A, 1), (*A, -1)])
    assert times(made.release(1)) == []
    add(made, event(2, A))
    made.held(freed(A))
    assert times(made.release(2)) == [[1, 2]]


def test_a_packet_that_is_not_known_ends_nothing() -> None:
    made = sorter()
    add(made, event(1, A))
    made.held(freed(B))
    assert times(made.release(1)) == []


def test_what_comes_late_goes_on_with_the_numbers_and_comes_out_at_once() -> None:
    made = sorter()
    add(made, event(1, A), event(2, A))
    made.held(freed(A))
    assert times(made.release(2)) == [[1, 2]]
    add(made, event(3, A))
    ((late,),) = series(made.release(3))
    tracking = late.get(Tracking)
    assert tracking is not None
    assert (late.header.timestamp, tracking.idx) == (3, 2)


def test_a_journey_of_which_nothing_is_heard_comes_out_and_goes_on_later() -> None:
    made = sorter()
    add(made, event(1, A), event(2, B), event(5, B))
    assert times(made.release(10, 0)) == []
    assert times(made.release(10, 1)) == [[1]]
    add(made, event(11, A))
    assert times(made.release(11, 1)) == []
    made.held(freed(A))
    assert times(made.release(11)) == [[11]]


def test_a_journey_in_several_packets_ends_with_the_last_of_them() -> None:
    made = sorter()
    add(made, event(1, A, Miss(0)), event(2, None, Queued(1, 0, 5)), event(3, A, Returned(1, 0, 0)))
    add(made, event(4, None, Handled(5)), event(5, B, Executed(1, 5)))
    made.held(freed(A))
    assert times(made.release(5 + LINGERS)) == []
    add(made, event(6, B))
    made.held(freed(B))
    assert times(made.release(6 + LINGERS)) == [[1, 2, 3, 4, 5, 6]]


def test_a_journey_that_a_process_may_go_on_with_waits_for_it_a_moment() -> None:
    made = sorter()
    add(made, event(1, A, Miss(0)), event(2, None, Queued(1, 0, 5)), event(3, A, Returned(1, 0, 0)))
    made.held(freed(A))
    assert times(made.release(3)) == []
    assert times(made.release(2 + LINGERS)) == []
    add(made, event(4, None, Handled(5)))
    assert times(made.release(3 + LINGERS)) == []
    assert times(made.release(4 + LINGERS)) == [[1, 2, 3, 4]]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("event"), st.none() | st.integers(0, 4)),
        st.tuples(st.just("held"), st.integers(0, 4), st.sampled_from([-1, -1, 1])),
        st.tuples(st.just("release"), st.none() | st.integers(1, 30)),
    ),
    max_size=60,
)


@settings(max_examples=300)
@given(steps, st.sampled_from([0, 0, 3, 7]))
def test_whatever_comes_in_whatever_order_events_come_out_once_and_as_they_would_afterwards(
    script: list[tuple[Any, ...]], most: int
) -> None:
    made = sorter(most)
    events: list[Event] = []
    found: list[list[Event]] = []
    places: dict[int, int] = {}
    for now, (what, *arguments) in enumerate(script, 1):
        if what == "event":
            packet = arguments[0]
            if packet is not None:
                places.setdefault(packet, 1)
            events.append(event(now, None if packet is None else (packet, packet)))
            found += series(made.add(batch_of(events[-1:])))
        elif what == "held":
            packet, more = arguments
            if packet in places:
                places[packet] += more
            made.held([(packet, packet, more)])
        else:
            found += series(made.release(now, None if arguments[0] is None else now - arguments[0]))
            out = Counter(one.header.timestamp for some in found for one in some)
            for one in events:
                section = one.get(SkbTracking)
                if section is None or places[section.timestamp] <= 0:
                    assert out[one.header.timestamp] == 1
    found += series(made.finish())
    alone, _ = sorted_events(events)
    by_time = {one.header.timestamp: one for some in alone for one in some}
    assert Counter(one.header.timestamp for some in found for one in some) == Counter(by_time.keys())
    for some in found:
        assert [by_time[one.header.timestamp] for one in some] == some
        numbers = [one.get(Tracking) for one in some]
        assert len(some) == 1 or len({number and number.skb for number in numbers}) == 1
