"""What sessions are shown and what they report: bounded, and nobody waits for anybody."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tracer_core.api import U32, PluginError, Session, Watch, section
from tracer_core.kernel.recorded import RecordedKernel
from tracer_core.plugins import exchange as exchanges
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.exchange import Exchange, Link
from tracer_core.testing import kernels


@section("asked")
class Asked(NamedTuple):
    """What programs record."""

    number: U32
    """To ask about."""


@section("answer", reported=True)
class Answer(NamedTuple):
    """What a session reports."""

    number: U32
    """That was asked about."""
    texts: tuple[str, ...]
    """Of it."""


@section("others")
class Others(NamedTuple):
    """Of another collector."""

    number: U32
    """Some."""


KERNEL = RecordedKernel(Path(kernels.__file__).parent / "6.18")
ANSWER = Answer(1, ("a",))


def session_of(exchange: Exchange) -> Session:
    link = Link(exchange, Owner("some", "tracer-some", "1.0"), (Asked, Answer))
    return Session(KERNEL, None, logging.getLogger("some"), link)


def columns(number: int) -> dict[str, Any]:
    return {"number": [number]}


def test_what_is_offered_is_taken_once_and_in_order() -> None:
    watch = Watch(Asked, 10)
    watch.offer(columns(1), 1)
    watch.offer(columns(2), 1)
    assert watch.take(0) == [columns(1), columns(2)]
    assert watch.take(0) == []


def test_while_too_many_events_wait_others_are_missed_and_counted() -> None:
    watch = Watch(Asked, 10)
    for number, count in enumerate((9, 5, 3, 4)):  # a batch is never cut
        watch.offer(columns(number), count)
    assert watch.take(0) == [columns(0), columns(1)]
    assert watch.missed == 7
    watch.offer(columns(4), 1)
    assert watch.take(0) == [columns(4)]


def test_who_waits_is_woken_by_events() -> None:
    watch, found = Watch(Asked, 10), []
    thread = threading.Thread(target=lambda: found.extend(watch.take(60)))
    thread.start()
    watch.offer(columns(1), 1)
    thread.join(60)
    assert found == [columns(1)]


def test_who_waits_is_woken_when_nothing_more_is_wanted() -> None:
    watch = Watch(Asked, 10)
    thread = threading.Thread(target=watch.take)
    thread.start()
    watch.close()
    thread.join(60)
    assert not thread.is_alive()
    watch.offer(columns(1), 1)
    assert watch.take(0) == []
    assert watch.missed == 0


def test_a_session_that_does_not_take_keeps_nobody_waiting() -> None:
    watch = session_of(Exchange()).watch(Asked, most=1)
    for number in range(1000):
        watch.offer(columns(number), 1)
    assert watch.missed == 999


def test_what_is_reported_has_the_time_of_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    exchange = Exchange()
    report = session_of(exchange).reporter(Answer)
    before = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    report(ANSWER)
    report(Answer(2, ()))
    first, second = exchange.take()
    assert before <= first.time <= second.time <= time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    assert [first.value, second.value] == [ANSWER, Answer(2, ())]
    assert exchange.take() == []
    monkeypatch.setattr(exchanges, "_REPORTED", 2)
    for _ in range(5):
        report(ANSWER)
    assert len(exchange.take()) == 2
    assert exchange.lost == {"some": 3}


def test_what_may_be_reported_is_known_when_the_run_begins() -> None:
    exchange = Exchange()
    session = session_of(exchange)
    session.reporter(Answer)
    session.reporter(Answer)
    assert [layout.cls for layout in exchange.reported] == [Answer]
    watch = session.watch(Asked)
    assert exchange.watches == [watch]


@pytest.mark.parametrize(
    ("does", "cls", "reason"),
    [
        ("watch", Others, "which is not among its sections"),
        ("reporter", Others, "which is not among its sections"),
        ("watch", Answer, "it watches answer, which no program records"),
        ("reporter", Asked, "it reports asked, which is not declared with reported=True"),
    ],
)
def test_a_session_has_to_do_with_sections_of_its_collector_alone(does: str, cls: type[Any], reason: str) -> None:
    with pytest.raises(PluginError, match=r"^collector some \(tracer-some 1\.0\): ") as caught:
        getattr(session_of(Exchange()), does)(cls)
    assert reason in caught.value.message


def test_when_the_run_has_begun_it_is_too_late_to_watch_or_report_something_new() -> None:
    exchange = Exchange()
    session = session_of(exchange)
    exchange.begin()
    with pytest.raises(PluginError, match="it watches asked when the run has begun"):
        session.watch(Asked)
    with pytest.raises(PluginError, match="it reports answer when the run has begun"):
        session.reporter(Answer)


def test_what_is_not_of_the_section_cannot_be_reported() -> None:
    report = session_of(Exchange()).reporter(Answer)
    with pytest.raises(PluginError, match=r"it reported Asked\(number=1\), which is no Answer"):
        report(Asked(1))
