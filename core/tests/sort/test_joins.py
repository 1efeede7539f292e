"""Events that are put together by more than one identity: against a model of the rules, as objects and dictionaries."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fixtures.distributions.joining.fixture_joining.plugin import (
    Executed,
    Handled,
    Miss,
    Queued,
    Returned,
    Switch,
    tracer_collector,
)

from tracer_core.events.about import About
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.contents import Contents
from tracer_core.plugins.joins import joins_of
from tracer_core.sections import Event, Header, ProbeInfo, TrackedSkb, Tracking, Unjoined
from tracer_core.sort import journeys as sort_journeys
from tracer_core.sort.sorter import Sorter
from tracer_core.testing.events import batch_of
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracer_core.types import Join

ABOUT = About("tracer 1", "", 0, 0, "", "", "")
CONTENTS = Contents((form_of(SkbTracking), form_of(Switch)))
PROBE = ProbeInfo("switch:one", "raw_tracepoint", "tp")
JOINS = joins_of(tracer_collector())

Packet = tuple[int, int] | None


def event(time: int, packet: Packet = None, did: Any = None, *, cpu: int = 0) -> Event:  # noqa: ANN401 - one of five
    """An event.

    Args:
        time: When.
        packet: When it was first seen, and where its data was.
        did: What the switch did: one of its groups.
        cpu: Where.
    """
    sections: dict[str, tuple[Any, ...]] = {}
    if packet is not None:
        sections["skb-tracking"] = SkbTracking(packet[1], packet[0], time)
    if did is not None:
        sections["switch"] = Switch(**{**dict.fromkeys(Switch._fields), type(did).__name__.lower(): did})
    return Event(Header(time, 0, 0, 1, 1, cpu, 0, b"x"), PROBE, sections)


def sorted_events(
    events: Sequence[Event], most: int = 0, at_once: int = 3, joins: Sequence[Join] = JOINS
) -> tuple[list[list[Event]], Counter[str]]:
    """What comes out, by series, and what was not joined."""
    sorter = Sorter(CONTENTS, ABOUT, "skb-tracking", most, joins)
    found: dict[int, list[Event]] = defaultdict(list)
    for first in range(0, len(events) + 1, at_once):
        last = first + at_once > len(events)
        some = events[first : first + at_once]
        for batch in [*(sorter.add(batch_of(some)) if some else ()), *(sorter.finish() if last else ())]:
            assert batch.series is not None
            for number, one in zip(batch.series.tolist(), events_of(batch), strict=True):
                found[number].append(one)
    assert list(found) == sorted(found)
    return list(found.values()), sorter.unjoined


@dataclass
class Series:
    """A journey of the model: its packet as it is shown, and its events."""

    skb: TrackedSkb | None
    begins: int
    events: list[Event] = field(default_factory=list)


class Model:
    """The rules of Retis, without a limit; where it gives up, the event goes by its own identity and is marked."""

    def __init__(self) -> None:
        self.all: list[Series] = []
        self.by_id: dict[tuple[int, int], Series] = {}
        self.by_call: dict[tuple[int, int], Series] = {}
        self.by_queue: dict[int, Series] = {}

    def take(self, one: Event) -> None:
        did = one.get(Switch) or Switch(None, None, None, None, None)
        skb = one.get(SkbTracking)
        series: Series | None = None
        missing = ""
        if did.queued is not None:
            series, missing = self.by_call.get((did.queued.cpu, did.queued.since)), "switch.call"
        elif did.handled is not None:
            series, missing = self.by_queue.get(did.handled.queue), "switch.queue"
        elif did.executed is not None and did.executed.queue is not None:
            series, missing = self.by_queue.get(did.executed.queue), "switch.queue"
            if series is not None and skb is not None:
                self.by_id[skb[:2]] = series
        found = series or self.plain(one)
        if did.miss is not None:
            self.remember(self.by_call, (did.miss.cpu, one.header.timestamp), found)
        if did.queued is not None:
            self.remember(self.by_queue, did.queued.queue, found)
        if did.returned is not None:
            self.by_call.pop((did.returned.cpu, did.returned.since), None)
        sections = dict(one.sections)
        if found.skb is not None:
            sections["tracking"] = Tracking(len(found.events), None, found.skb)
        if missing and series is None:
            sections["unjoined"] = Unjoined(missing.encode())
        found.events.append(Event(one.header, one.probe, sections))

    def plain(self, one: Event) -> Series:
        skb = one.get(SkbTracking)
        if skb is None:
            self.all.append(Series(None, one.header.timestamp))
            return self.all[-1]
        if skb[:2] not in self.by_id:
            self.all.append(Series(TrackedSkb(*skb), skb.timestamp))
            self.by_id[skb[:2]] = self.all[-1]
        return self.by_id[skb[:2]]

    @staticmethod
    def remember(known: dict[Any, Series], key: Any, series: Series) -> None:  # noqa: ANN401 - of either kind
        if series.skb is None:
            known.pop(key, None)
        else:
            known[key] = series


def modelled(events: Iterable[Event]) -> list[list[Event]]:
    model = Model()
    for one in events:
        model.take(one)
    key = lambda series: (series.begins, series.skb is not None, series.skb.orig_head if series.skb else 0)  # noqa: E731
    return [series.events for series in sorted(model.all, key=key)]


times, cpus, queues = st.integers(0, 4), st.integers(0, 1), st.integers(0, 2)
deeds = st.one_of(
    st.none(),
    st.builds(Miss, cpus),
    st.builds(Queued, times, cpus, queues),
    st.builds(Returned, times, cpus, st.just(0)),
    st.builds(Handled, queues),
    st.builds(Executed, st.just(1), st.none() | queues),
)
packets = st.none() | st.tuples(st.integers(0, 3), st.integers(1, 2))
anything = st.lists(st.builds(event, times, packets, deeds), max_size=40)


@st.composite
def lives(draw: st.DrawFn) -> list[Event]:
    """Packets that go the whole way, at once, with events missing and events that come twice."""
    steps: list[list[Event]] = []
    for number in range(1, draw(st.integers(1, 5)) + 1):
        at, first, second = 100 * number, (100 * number, number), (100 * number + 60, number)
        queue, cpu = draw(queues), draw(cpus)
        life = [
            event(at, first),
            event(at + 10, first, Miss(cpu), cpu=cpu),
            event(at + 20, None, Queued(at + 10, cpu, queue), cpu=cpu),
            event(at + 30, first, Returned(at + 10, cpu, 0), cpu=cpu),
            event(at + 40, None, Handled(queue)),
            event(at + 50, None, Handled(queue)),
            event(at + 60, second, Executed(1, queue)),
            event(at + 70, second, Executed(2, None)),
        ]
        copies = draw(st.lists(st.sampled_from([1, 1, 1, 1, 0, 2]), min_size=len(life), max_size=len(life)))
        steps.append([one for one, count in zip(life, copies, strict=True) for _ in range(count)])
    order = draw(st.permutations([number for number, life in enumerate(steps) for _ in life]))
    return [steps[number].pop(0) for number in order]


@settings(max_examples=150)
@given(anything | lives(), st.integers(1, 50))
def test_without_a_limit_journeys_are_those_of_the_rules(events: list[Event], at_once: int) -> None:
    found, unjoined = sorted_events(events, at_once=at_once)
    expected = modelled(events)
    assert found == expected
    marks = (one.get(Unjoined) for series in expected for one in series)
    assert unjoined == Counter(mark.key.decode() for mark in marks if mark is not None)


@settings(max_examples=150)
@given(anything | lives(), st.integers(1, 12), st.integers(1, 7))
def test_with_a_limit_each_event_has_the_packet_number_and_mark_that_it_has_without(
    events: list[Event], most: int, at_once: int
) -> None:
    found, _ = sorted_events(events, most, at_once)
    assert sorted(map(repr, chain(*found))) == sorted(map(repr, chain(*modelled(events))))
    for series in found:
        places = [one.get(Tracking) for one in series]
        if places[0] is not None:
            assert [place and place.idx for place in places] == [places[0].idx + at for at in range(len(places))]
            assert len({place and place.skb for place in places}) == 1
        else:
            assert len(series) == 1


@settings(max_examples=100)
@given(anything | lives(), st.integers(1, 12))
def test_what_is_remembered_is_bounded_and_no_event_is_lost(events: list[Event], most: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sort_journeys, "_REMEMBERED", 2)
        sorter = Sorter(CONTENTS, ABOUT, "skb-tracking", most, JOINS)
        count = sum(batch.count for one in events for batch in sorter.add(batch_of([one])))
        known = sorter._journeys
        assert max(len(known._keys), len(known._adopted), len(known._out)) <= 2
        # of what waits, of what is out, and what was adopted
        assert len(known._known) <= most + 2 + 2
        assert count + sum(batch.count for batch in sorter.finish()) == len(events)


def test_a_packet_that_a_process_sends_back_goes_on_with_the_journey_for_which_it_does() -> None:
    first, second = (1, 0xA), (5, 0xB)
    events = [
        event(1, first, Miss(3), cpu=3),
        event(2, None, Queued(1, 3, 77)),
        event(3, None, Handled(77)),
        event(4, first, Returned(1, 3, 0)),
        event(5, second, Executed(1, 77)),
        event(6, second),
        event(7, (7, 0xB)),
    ]
    (journey, other), unjoined = sorted_events(events)
    assert [one.get(Tracking) for one in journey] == [Tracking(n, None, TrackedSkb(0xA, 1, 1)) for n in range(6)]
    assert [one.header.timestamp for one in other] == [7]
    assert not unjoined


def test_a_number_that_is_used_again_stands_for_the_packet_that_has_it_now() -> None:
    events = [
        event(1, (1, 1), Miss(0)),
        event(2, None, Queued(1, 0, 5)),
        event(3, (3, 3), Miss(0)),
        event(4, None, Queued(3, 0, 5)),
        event(5, None, Handled(5)),
        event(6, None, Queued(6, 0, 5)),  # of no packet that is known
        event(7, None, Handled(5)),
    ]
    found, unjoined = sorted_events(events)
    assert [[one.header.timestamp for one in series] for series in found] == [[1, 2], [3, 4, 5], [6], [7]]
    assert unjoined == {"switch.call": 1, "switch.queue": 1}


def test_an_event_that_finds_no_journey_goes_by_its_own_identity_and_says_so() -> None:
    (alone, tracked), _ = sorted_events([event(1, None, Handled(5)), event(2, (2, 2), Executed(1, 6))])
    assert alone[0].sections.keys() == {"switch", "unjoined"}
    assert (tracked[0].get(Unjoined), tracked[0].get(Tracking)) == (
        Unjoined(b"switch.queue"),
        Tracking(0, None, TrackedSkb(2, 2, 2)),
    )


def test_a_join_of_one_kind_of_events_leaves_the_others_alone() -> None:
    joins = [replace(one, when=("executed.port", 1)) if one.key == ("executed.queue",) else one for one in JOINS]
    first = (1, 0xA)
    events = [
        event(1, first, Miss(0)),
        event(2, None, Queued(1, 0, 7)),
        event(3, (3, 3), Executed(2, 7)),
        event(4, (4, 4), Executed(1, 7)),
    ]
    found, unjoined = sorted_events(events, joins=joins)
    assert [[one.header.timestamp for one in series] for series in found] == [[1, 2, 4], [3]]
    assert not unjoined
