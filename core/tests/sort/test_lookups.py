"""Events that are told by others what they ask for, wherever those stand: against a model of the rule."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Annotated, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.events.about import About
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.contents import Contents
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.sort import lookups as sort_lookups
from tracer_core.sort.journeys import LINGERS
from tracer_core.sort.sorter import Sorter
from tracer_core.testing.events import batch_of
from tracer_core.types import Lookup
from tracer_core.wire import U32, U64, recorded, section
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


@section("asked")
class Asked(NamedTuple):
    """Asks, if it has both parts of the key."""

    number: U32 | None
    """A part of the key."""
    pair: Annotated[tuple[int, ...], recorded(U64)]
    """The other."""
    name: Annotated[str | None, recorded(U32)] = None
    """Told."""
    lines: Annotated[tuple[str, ...] | None, recorded(U32)] = None
    """Told."""


@section("answer", reported=True)
class Answer(NamedTuple):
    """Answers."""

    number: U32
    """A part of the key."""
    pair: tuple[int, ...]
    """The other."""
    name: str
    """Tells."""
    lines: tuple[str, ...]
    """Tells."""


ABOUT = About("tracer 1", "", 0, 0, "", "", "")
CONTENTS = Contents(tuple(map(form_of, (SkbTracking, Asked, Answer))))
PROBE, NOWHERE = ProbeInfo("switch:one", "raw_tracepoint", "tp"), ProbeInfo("", "", "")
LOOKUPS = (Lookup(Asked, ("number", "pair"), Answer, ("name", "lines")),)
MS = 1_000_000


def asked(time: int, packet: int | None, number: int | None, *told: object) -> Event:
    """An event that asks, of a packet."""
    sections = {"asked": Asked(number, (number or 0, 7), *told)}  # type: ignore[arg-type] # what is told
    if packet is not None:
        sections["skb-tracking"] = SkbTracking(packet, packet, 1)  # type: ignore[assignment] # another section
    return Event(Header(time, 0, 0, 1, 1, 0, 0, b"x"), PROBE, sections)


def answer(time: int, number: int, name: str) -> Event:
    """An event that answers."""
    header = Header(time, 0, 0, None, None, None, 0, None)
    return Event(header, NOWHERE, {"answer": Answer(number, (number, 7), name, (name, "more"))})


def sorter(most: int = 0, *, waits: bool = False) -> Sorter:
    return Sorter(CONTENTS, ABOUT, "skb-tracking", most, lookups=LOOKUPS, waits=waits)


def sorted_events(events: Sequence[Event], most: int = 0, at_once: int = 2) -> list[Event]:
    """What comes out."""
    made, found = sorter(most), []
    for first in range(0, len(events), at_once):
        found += [event for batch in made.add(batch_of(events[first : first + at_once])) for event in events_of(batch)]
    return found + [event for batch in made.finish() for event in events_of(batch)]


def told(events: Iterable[Event]) -> dict[int, str | None]:
    """What each event that asks was told, by time."""
    found = {}
    for event in events:
        section = event.get(Asked)
        if section is not None:
            assert section.lines == (None if section.name is None else (section.name, "more"))
            found[event.header.timestamp] = section.name
    return found


def test_whichever_came_first_the_event_is_told() -> None:
    events = [asked(1, 1, 5), answer(2, 5, "a"), asked(3, 2, 5), asked(4, None, 5), asked(5, 1, 6)]
    assert told(sorted_events(events)) == {1: "a", 3: "a", 4: "a", 5: None}


def test_answers_stay_events_of_their_own() -> None:
    events = [asked(1, 1, 5), answer(2, 5, "a")]
    assert [event.get(Answer) for event in sorted_events(events)] == [None, Answer(5, (5, 7), "a", ("a", "more"))]


def test_what_an_event_says_already_is_left_as_it_is() -> None:
    (found, _) = sorted_events([asked(1, 1, 5, "own", ("x",)), answer(2, 5, "a")])
    assert found.get(Asked) == Asked(5, (5, 7), "own", ("x",))


def test_what_is_empty_in_files_of_others_is_told() -> None:
    (found, _) = sorted_events([asked(1, 1, 5, "", ()), answer(2, 5, "a")])
    assert found.get(Asked) == Asked(5, (5, 7), "a", ("a", "more"))


def test_an_event_without_the_key_asks_nothing() -> None:
    assert told(sorted_events([asked(1, 1, None), answer(2, 0, "a")])) == {1: None}


def test_of_as_many_answers_as_are_remembered_the_oldest_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sort_lookups, "_REMEMBERED", 2)
    answers = [answer(1, 1, "a"), answer(2, 2, "b"), answer(3, 1, "c"), answer(4, 3, "d")]
    events = [*answers, *(asked(10 + number, number, number) for number in (1, 2, 3))]
    assert told(sorted_events(events)) == {11: "c", 12: None, 13: "d"}


def test_while_events_come_who_asks_waits_for_a_moment_behind_its_end() -> None:
    made = sorter(waits=True)
    list(made.add(batch_of([asked(MS, 1, 5), asked(MS + 1, 2, 6)])))
    made.held([(1, 1, -1), (2, 2, -1)])
    assert list(made.release(MS + 2)) == []
    list(made.add(batch_of([answer(20 * MS, 5, "a")])))
    assert [event.get(Asked) for batch in made.release(20 * MS) for event in events_of(batch)] == [None]
    found = [event for batch in made.release(MS + 1 + LINGERS) for event in events_of(batch)]
    assert told(found) == {MS: "a", MS + 1: None}


def test_while_events_come_who_asks_for_what_is_known_does_not_wait() -> None:
    made = sorter(waits=True)
    list(made.add(batch_of([answer(1, 5, "a"), asked(MS, 1, 5)])))
    made.held([(1, 1, -1)])
    assert told(event for batch in made.release(MS + 1) for event in events_of(batch)) == {MS: "a"}


def test_where_nobody_answers_nobody_waits() -> None:
    made = sorter()
    list(made.add(batch_of([asked(MS, 1, 5)])))
    made.held([(1, 1, -1)])
    assert told(event for batch in made.release(MS + 1) for event in events_of(batch)) == {MS: None}


steps = st.lists(st.tuples(st.booleans(), st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=40)


@given(steps, st.integers(0, 8), st.integers(1, 6))
def test_who_asks_is_told_by_the_last_answer_that_is_there(
    made: list[tuple[bool, int, int]], most: int, at_once: int
) -> None:
    events, answers = [], defaultdict(list)
    for time, (asks, packet, number) in enumerate(made, 1):
        events.append(asked(time, packet or None, number) if asks else answer(time, number, str(time)))
        if not asks:
            answers[number].append(time)
    for time, name in told(sorted_events(events, most, at_once)).items():
        times = answers[made[time - 1][2]]
        before = [when for when in times if when < time]
        if not most:  # nothing came out before all was there
            assert name == (str(times[-1]) if times else None)
        elif name is None:
            assert not before
        else:  # not older than the last before it
            assert int(name) in times[len(before) - 1 if before else 0 :]
