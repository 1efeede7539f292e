"""What a run says at its end of what it has seen."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracer_core.api import U32, Chars, CollectorSpec, Labels, Tally, recorded, section
from tracer_core.backend.base import Losses, Missed
from tracer_core.events.batch import EventBatch, SectionColumns, Values
from tracer_core.events.form import FieldForm, Form, SectionForm, form_of, unknown_class
from tracer_core.run import distinct, tallies
from tracer_core.run.distinct import Distinct
from tracer_core.run.summary import Summary
from tracer_core.run.tallies import Count
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBERS = st.integers(0, 2**64 - 1)
BATCHES = st.lists(st.lists(st.tuples(NUMBERS, NUMBERS) | st.tuples(st.integers(0, 3), st.integers(0, 3))))


@section("fate")
class Fate(NamedTuple):
    """What became of it."""

    whose: Annotated[str, recorded(U32)] | None
    """Of whom."""
    reason: Annotated[str, recorded(U32)]
    """Why."""
    number: U32 | None
    """A number."""
    task: Annotated[bytes, Chars(16)]
    """A name."""


SPECS = (
    CollectorSpec("which", "Which packet.", sections=(SkbTracking,), identity=SkbTracking),
    CollectorSpec("fate", "Fate.", sections=(Fate,), tallies=(Tally(Fate, ("whose", "reason"), "ended"),)),
)


def pairs(batch: Sequence[tuple[int, int]]) -> tuple[Any, Any]:
    firsts, seconds = zip(*batch, strict=True) if batch else ((), ())
    return np.array(firsts, np.uint64), np.array(seconds, np.uint64)


@given(BATCHES)
def test_different_pairs_are_counted_exactly(batches: list[list[tuple[int, int]]]) -> None:
    found = Distinct()
    for batch in batches:
        found.add(*pairs(batch))
    assert found.count == len({pair for batch in batches for pair in batch})
    assert not found.is_full


@given(BATCHES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_table_that_gets_full_says_so_and_counts_no_more(
    monkeypatch: pytest.MonkeyPatch, batches: list[list[tuple[int, int]]]
) -> None:
    for name, value in (("SLOTS", 32), ("MOST", 16), ("_AT_ONCE", 8)):
        monkeypatch.setattr(distinct, name, value)
    found = Distinct()
    for batch in batches:
        found.add(*pairs(batch))
    different = len({pair for batch in batches for pair in batch})
    assert found.is_full is (different >= 16)
    if found.is_full:
        assert 16 <= found.count <= min(different, 16 + 8)
    else:
        assert found.count == different


def fates(rows: Sequence[Fate]) -> EventBatch:
    """Events with columns as decoders give them."""
    whose, reason, number, task = zip(*rows, strict=True)
    names = sorted({name or "" for name in whose})
    columns: dict[str, Any] = {
        "whose": Labels(np.array([names.index(name or "") for name in whose], np.int32), [n or None for n in names]),
        "reason": Values(list(reason)),
        "number": np.ma.masked_array([n or 0 for n in number], [n is None for n in number], dtype=np.uint32),
        "task": np.array(task, "S16"),
    }
    return EventBatch(len(rows), {}, (), (SectionColumns(form_of(Fate), None, len(rows), columns),))


FATES = st.builds(
    Fate,
    st.sampled_from([None, "a", "b"]),
    st.sampled_from(["x", "y", "z"]),
    st.none() | st.integers(0, 3),
    st.sampled_from([b"", b"one", b"two"]),
)


@given(st.lists(st.lists(FATES, min_size=1), max_size=4), st.permutations(Fate._fields))
def test_values_are_counted_as_one_by_one(batches: list[list[Fate]], order: list[str]) -> None:
    count = Count(Tally(Fate, tuple(order), "ended"))
    expected: Counter[str] = Counter()
    for rows in batches:
        count.look(fates(rows))
        for row in rows:
            values = [getattr(row, name) for name in order]
            texts = [
                value.decode() if isinstance(value, bytes) else str(value) for value in values if value is not None
            ]
            expected["/".join(texts)] += 1
    assert count._counts == expected


def test_the_commonest_are_named_and_the_others_are_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "_KNOWN", 7)
    count = Count(Tally(Fate, ("reason",), "ended"))
    for number in range(1, 10):
        count.look(fates([Fate(None, f"r{number}", None, b"")] * (10 if number == 3 else number)))
    assert count.text() == "ended: 10 r3, 7 r7, 6 r6, 5 r5, 4 r4, and 20 more"
    assert Count(Tally(Fate, ("reason",), "ended")).text() == ""


def tracked(*packets: int) -> EventBatch:
    column = np.array(packets, np.uint64)
    columns = {"orig_head": column, "timestamp": column, "skb": column}
    return EventBatch(len(packets), {}, (), (SectionColumns(form_of(SkbTracking), None, len(packets), columns),))


def test_a_run_that_saw_nothing_says_so() -> None:
    assert list(Summary(SPECS).lines(Losses((0,)), 1.25)) == ["seen in 1.2 s: 0 packet(s), 0 event(s) lost"]


def test_the_end_tells_packets_and_what_became_of_them() -> None:
    summary = Summary(SPECS)
    for batch in (tracked(1, 2, 1), fates([Fate("a", "x", 1, b""), Fate(None, "x", 1, b"")]), tracked(3, 2)):
        summary.look(batch)
    assert list(summary.lines(Losses((0, 0)), 61.0)) == [
        "seen in 61.0 s: 3 packet(s), 0 event(s) lost",
        "ended: 1 a/x, 1 x",
    ]


def test_sections_that_a_file_has_in_another_form_are_not_counted() -> None:
    summary = Summary(SPECS)
    for name in ("fate", "skb-tracking"):
        cls = unknown_class(("other",))
        form = SectionForm(name, 1, cls, (FieldForm("other", Form.INTEGER, "uint32"),))
        columns = {"other": np.array([1, 2], np.uint32)}
        summary.look(EventBatch(2, {}, (), (SectionColumns(form, None, 2, columns),)))
    assert list(summary.lines(Losses((0,)), None)) == ["seen: 0 packet(s), 0 event(s) lost"]


def test_journeys_are_told_if_events_were_sorted_and_losses_always() -> None:
    summary = Summary(SPECS)
    summary.look(tracked(1))
    summary.journeys = 2
    losses = Losses((1, 2), (Missed((0,), 1, 4), Missed((1,), 3, 3)))
    assert list(summary.lines(losses, None)) == [
        "seen: 1 packet(s), 2 journey(s), 3 event(s) lost, up to 7 hit(s) missed"
    ]


def test_without_a_collector_that_tells_packets_apart_their_number_is_not_told() -> None:
    summary = Summary(SPECS[1:])
    summary.look(tracked(1))
    assert list(summary.lines(Losses((0,)), None)) == ["seen: 0 event(s) lost"]


def test_more_packets_than_are_counted_are_said_to_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distinct, "MOST", 3)
    summary = Summary(SPECS)
    for packet in range(9):
        summary.look(tracked(packet))
    assert list(summary.lines(Losses((0,)), None)) == ["seen: at least 3 packet(s), 0 event(s) lost"]
