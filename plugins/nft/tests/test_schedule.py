"""Which namespaces are read, and when."""

from __future__ import annotations

import pytest

from tracer_nft.schedule import Schedule

ONE, TWO = (1, 6), (1, 7)


@pytest.fixture
def schedule() -> Schedule:
    return Schedule()


def test_nothing_is_read_unless_it_is_asked_for(schedule: Schedule) -> None:
    assert schedule.wait(100) is None
    assert schedule.next(100) is None


def test_a_namespace_is_read_once_for_all_rules_that_are_asked_for(schedule: Schedule) -> None:
    for rule in (ONE, TWO, ONE):
        schedule.ask(5, rule)
    assert schedule.wait(100) == 0
    assert schedule.next(100) == (5, {ONE, TWO})
    schedule.was_read(5, 100, 100)
    assert schedule.next(200) is None


def test_a_namespace_rests_for_a_second_and_others_need_not_wait(schedule: Schedule) -> None:
    schedule.was_read(5, 100, 100)
    schedule.ask(5, ONE)
    assert schedule.wait(100.75) == 0.25
    assert schedule.next(100.75) is None
    schedule.ask(6, TWO)
    assert schedule.wait(100.75) == 0
    assert schedule.next(100.75) == (6, {TWO})
    assert schedule.next(101) == (5, {ONE})


def test_a_namespace_that_takes_long_rests_for_four_times_as_long(schedule: Schedule) -> None:
    schedule.was_read(5, 100, 102)
    schedule.ask(5, ONE)
    assert schedule.wait(102) == 8
    assert schedule.next(109.5) is None
    assert schedule.next(110) == (5, {ONE})


def test_a_namespace_that_could_not_be_read_is_read_again_when_it_is_asked_for_again(schedule: Schedule) -> None:
    schedule.ask(5, ONE)
    schedule.next(100)
    schedule.was_read(5, 100, 100)
    assert schedule.wait(101) is None
    schedule.ask(5, ONE)
    assert schedule.next(101) == (5, {ONE})
