"""Journeys out of events: against a model of the rules, one event at a time."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.events.about import About
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.contents import Contents
from tracer_core.sections import Event, Header, ProbeInfo, TrackedSkb, Tracking
from tracer_core.sort import journeys as sort_journeys
from tracer_core.sort.losses import Losses
from tracer_core.sort.sorter import Sorter
from tracer_core.testing.events import batch_of
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Sequence

ABOUT = About("tracer 1", "", 0, 0, "", "", "")
CONTENTS = Contents((form_of(SkbTracking),))
PROBE = ProbeInfo("net:one", "raw_tracepoint", "tp")


def event(time: int, packet: tuple[int, int] | None = None, skb: int = 7, *, cpu: int = 0, lost: int = 0) -> Event:
    sections = {} if packet is None else {"skb-tracking": SkbTracking(packet[1], packet[0], skb)}
    return Event(Header(time, 0, lost, 1, 1, cpu, 0, b"x"), PROBE, sections)


def journeys(events: Sequence[Event], most: int = 0, at_once: int = 3) -> list[list[Event]]:
    """What comes out, by series."""
    sorter = Sorter(CONTENTS, ABOUT, "skb-tracking", most)
    found: dict[int, list[Event]] = defaultdict(list)
    for first in range(0, len(events), at_once):
        batches = list(sorter.add(batch_of(events[first : first + at_once])))
        if most:
            assert sorter.waiting < most
        for batch in [*batches, *(sorter.finish() if first + at_once >= len(events) else ())]:
            assert batch.series is not None
            for number, one in zip(batch.series.tolist(), events_of(batch), strict=True):
                found[number].append(one)
    assert list(found) == sorted(found)
    return list(found.values())


def plain(one: Event) -> Event:
    sections = {name: value for name, value in one.sections.items() if name != "tracking"}
    return Event(one.header, one.probe, sections)


packets = st.none() | st.tuples(st.integers(0, 5), st.integers(1, 3))
all_events = st.lists(st.builds(event, st.integers(0, 9), packets, st.integers(0, 2**64 - 1)), max_size=30)


def modelled(events: Sequence[Event]) -> list[list[Event]]:
    """The rules of Retis, without a limit: journeys by when they begin, events of no packet first."""
    found: dict[tuple[int, ...], list[Event]] = {}
    for index, one in enumerate(events):
        section = one.get(SkbTracking)
        key = (one.header.timestamp, 0, index) if section is None else (section.timestamp, 1, section.orig_head)
        found.setdefault(key, []).append(one)
    return [found[key] for key in sorted(found)]


@settings(max_examples=200)
@given(all_events, st.integers(1, 40))
def test_without_a_limit_journeys_are_those_of_the_rules(events: list[Event], at_once: int) -> None:
    expected = modelled(events)
    found = journeys(events, at_once=at_once)
    assert [[plain(one) for one in series] for series in found] == expected
    for series in found:
        first = series[0].get(SkbTracking)
        for index, one in enumerate(series):
            tracking = one.get(Tracking)
            if first is None:
                assert tracking is None
                continue
            assert tracking is not None
            assert tracking == Tracking(index, None, TrackedSkb(*first))


@settings(max_examples=200)
@given(all_events, st.integers(1, 10), st.integers(1, 5))
def test_with_a_limit_no_event_is_lost_and_each_packet_keeps_its_order_and_numbers(
    events: list[Event], most: int, at_once: int
) -> None:
    found = journeys(events, most, at_once)
    by_packet: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for series in found:
        sections = [one.get(SkbTracking) for one in series]
        assert len({section and section[:2] for section in sections}) == 1
        if sections[0] is not None:
            by_packet[sections[0][:2]] += series
        else:
            assert len(series) == 1
    expected: dict[tuple[int, int], list[Event]] = defaultdict(list)
    for one in events:
        section = one.get(SkbTracking)
        if section is not None:
            expected[section[:2]].append(one)
    assert {packet: list(map(plain, series)) for packet, series in by_packet.items()} == expected
    for series in by_packet.values():
        places = [one.get(Tracking) for one in series]
        assert [place and place.idx for place in places] == list(range(len(series)))
        assert len({place and place.skb for place in places}) == 1
    assert sum(map(len, found)) == len(events)


def test_what_comes_late_is_a_journey_again_whose_numbers_go_on() -> None:
    events = [event(1, (1, 1)), *(event(time) for time in range(2, 9)), event(9, (1, 1), 8)]
    found = [series for series in journeys(events, 4, 1) if series[0].get(SkbTracking)]
    assert [[one.get(Tracking) for one in series] for series in found] == [
        [Tracking(0, None, TrackedSkb(1, 1, 7))],
        [Tracking(1, None, TrackedSkb(1, 1, 7))],
    ]


def test_a_journey_that_goes_on_is_not_forgotten_for_those_that_come_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sort_journeys, "_REMEMBERED", 1)
    late, early, between = (5, 1), (1, 1), (2, 1)
    packets = [late, late, late, late, early, between, late]
    found = journeys([event(time, packet) for time, packet in enumerate(packets, 5)], 3, 1)
    places = [one.get(Tracking) for series in found for one in series if one.get(SkbTracking) == (1, 5, 7)]
    assert [place and place.idx for place in places] == [0, 1, 2, 3, 4]


def test_a_journey_says_that_events_were_lost_meanwhile_on_whatever_cpu() -> None:
    packet, other = (1, 1), (2, 2)
    events = [
        event(1, packet),
        event(2, other, cpu=1),
        event(3, other),
        event(6, packet),
        event(7, cpu=1, lost=5),  # some time between 2 and 7
        event(8, packet),
        event(9, packet, lost=1),
        event(10, packet, lost=1),
    ]
    lost = {series[0].get(SkbTracking): [one.get(Tracking) for one in series] for series in journeys(events)}
    first, second = (places for section, places in lost.items() if section is not None)
    assert [place and place.lost for place in first] == [None, 5, 5, 1, None]
    assert [place and place.lost for place in second] == [None, 5]


gaps = st.lists(st.tuples(st.integers(0, 1), st.integers(1, 4), st.sampled_from([0, 0, 0, 1, 3])), max_size=20)


@settings(max_examples=200)
@given(gaps, st.lists(st.tuples(st.integers(0, 60), st.integers(0, 20)), min_size=1, max_size=5))
def test_losses_between_two_times_are_those_of_all_gaps_that_reach_into_it(
    steps: list[tuple[int, int, int]], spans: list[tuple[int, int]]
) -> None:
    import numpy as np

    time, totals, last = 10, [0, 0], [0, 0]
    expected, events = [], []
    for cpu, step, more in steps:
        time += step
        totals[cpu] += more
        if more:
            expected.append((last[cpu], time, more))
        last[cpu] = time
        events.append(event(time, cpu=cpu, lost=totals[cpu]))
    losses = Losses()
    for one in events:
        losses.look(batch_of([one]))
    begins = np.array([begin for begin, _ in spans], np.uint64)
    ends = np.array([begin + length for begin, length in spans], np.uint64)
    found = losses.between(begins, ends).tolist()
    for (begin, length), count in zip(spans, found, strict=True):
        inside = [n for after, until, n in expected if length and after < begin + length and until > begin]
        assert count == sum(inside)
