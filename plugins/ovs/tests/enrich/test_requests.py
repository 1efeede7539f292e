"""Which flows are asked for, and when: against a model of the rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_ovs.enrich import requests as rules
from tracer_ovs.enrich.requests import AGE, Request, Requests
from tracer_ovs.enrich.sections import Flow


def flow(ufid: int, acts: int = 0) -> Flow:
    return Flow((ufid, 0, 0, 0), 100 + acts, 200 + acts)


def asked(requests: Requests, now: float) -> Flow | None:
    """What is asked next, and answered at once."""
    found = requests.next(now)
    if found is None:
        return None
    requests.answered(now)
    return found.flow


def test_a_flow_is_asked_for_once() -> None:
    requests = Requests(20)
    for time in range(5):
        requests.seen(flow(1), time)
    assert asked(requests, 5) == flow(1)
    requests.seen(flow(1), 6)
    assert requests.next(7) is None
    assert requests.wait(7) is None


def test_the_first_seen_is_the_first_asked_and_between_two_is_a_pause() -> None:
    requests = Requests(20)
    for ufid in (3, 1, 2):
        requests.seen(flow(ufid), 0)
    assert requests.wait(0) == 0
    assert asked(requests, 0) == flow(3)
    assert requests.next(0.049) is None
    assert requests.wait(0.04) == pytest.approx(0.01)
    assert asked(requests, 0.05) == flow(1)
    assert requests.unsent == 1


def test_the_pause_begins_with_the_answer() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    requests.seen(flow(2), 0)
    assert requests.next(0) is not None
    requests.answered(0.3)
    assert requests.next(0.34) is None
    assert requests.next(0.36) is not None


def test_a_flow_with_other_actions_is_asked_for_again_and_takes_the_place_of_what_waits() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    assert asked(requests, 0) == flow(1)
    requests.seen(flow(1, 1), 1)
    requests.seen(flow(2), 1)
    requests.seen(flow(1, 2), 1)
    assert [asked(requests, time) for time in (2, 3, 4)] == [flow(1, 2), flow(2), None]


def test_so_many_wait_and_others_are_dropped_until_they_are_seen_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "WAITING", 2)
    requests = Requests(20)
    for ufid in (1, 2, 3, 4):
        requests.seen(flow(ufid), 0)
    assert (requests.dropped, requests.unsent) == (2, 2)
    requests.seen(flow(2, 1), 0)  # has a place
    assert (requests.dropped, requests.unsent) == (2, 2)
    assert asked(requests, 0) == flow(1)
    requests.seen(flow(4), 1)
    assert [asked(requests, time) for time in (2, 3, 4)] == [flow(2, 1), flow(4), None]


def test_a_flow_that_was_not_seen_for_ten_seconds_is_asked_for_again() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    assert asked(requests, 0) == flow(1)
    requests.seen(flow(1), AGE)
    requests.seen(flow(1), 2 * AGE)
    assert requests.next(2 * AGE) is None
    requests.seen(flow(1), 3 * AGE + 0.1)
    assert asked(requests, 3 * AGE + 0.1) == flow(1)


def test_what_waits_for_ten_seconds_is_not_asked_any_more_unless_it_is_seen_again() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    requests.seen(flow(1), AGE - 1)
    assert requests.next(AGE + 0.1) is None
    assert requests.expired == 1
    requests.seen(flow(1), AGE + 0.2)
    assert asked(requests, AGE + 0.2) == flow(1)


def test_what_has_no_answer_yet_is_the_next_again() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    requests.seen(flow(2), 0)
    found = requests.next(0)
    assert found is not None
    requests.put_back(found, 0)
    assert requests.next(0.04) is None
    assert [asked(requests, time) for time in (1, 2, 3)] == [flow(1), flow(2), None]


def test_what_has_no_answer_for_ten_seconds_is_given_up() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    for time in range(int(AGE) + 1):
        found = requests.next(time)
        assert found is not None
        requests.put_back(found, time)
    assert requests.next(AGE + 0.1) is None
    assert (requests.expired, requests.unsent) == (1, 0)


def test_what_has_no_answer_yet_is_not_asked_again_if_its_flow_has_other_actions() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    found = requests.next(0)
    assert found is not None
    requests.seen(flow(1, 1), 0)
    requests.put_back(found, 0)
    assert [asked(requests, time) for time in (1, 2)] == [flow(1, 1), None]


def test_what_failed_is_counted_and_asked_again_when_it_is_seen_again() -> None:
    requests = Requests(20)
    requests.seen(flow(1), 0)
    found = requests.next(0)
    assert found is not None
    requests.fail(found, 0)
    assert (requests.failed, requests.next(1)) == (1, None)
    requests.seen(flow(1), 2)
    assert asked(requests, 2) == flow(1)


def test_of_as_many_flows_as_may_be_known_the_one_not_seen_for_longest_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rules, "KNOWN", 2)
    requests = Requests(1000)
    for now, ufid in enumerate((1, 2, 1, 3)):
        requests.seen(flow(ufid), now)
        asked(requests, now)
    for ufid in (1, 3, 2):
        requests.seen(flow(ufid), 5)
    assert asked(requests, 6) == flow(2)


@dataclass
class Model:
    """The same rules, with lists that are looked through."""

    rate: int
    waiting: list[Request] = field(default_factory=list)
    known: list[tuple[Flow, float]] = field(default_factory=list)
    due: float = 0.0
    dropped: int = 0
    expired: int = 0
    failed: int = 0

    def knows(self, one: Flow) -> bool:
        return any(flow == one for flow, _ in self.known)

    def forget(self, one: Flow) -> None:
        self.known = [(flow, seen) for flow, seen in self.known if flow != one]

    def learn(self, one: Flow, now: float) -> None:
        self.known = [(flow, seen) for flow, seen in self.known if flow.ufid != one.ufid] + [(one, now)]
        self.known = self.known[-rules.KNOWN :]

    def expire(self, now: float) -> None:
        self.known = [(flow, seen) for flow, seen in self.known if now - seen <= AGE]
        for old in [request for request in self.waiting if now - request.since > AGE]:
            self.waiting.remove(old)
            self.expired += 1
            self.forget(old.flow)

    def seen(self, one: Flow, now: float) -> None:
        self.expire(now)
        if self.knows(one):
            self.learn(one, now)
            return
        places = [at for at, request in enumerate(self.waiting) if request.flow.ufid == one.ufid]
        if places:
            self.waiting[places[0]] = Request(one, now)
        elif len(self.waiting) < rules.WAITING:
            self.waiting.append(Request(one, now))
        else:
            self.dropped += 1
            return
        self.learn(one, now)

    def next(self, now: float) -> Request | None:
        self.expire(now)
        return self.waiting.pop(0) if now >= self.due and self.waiting else None

    def answered(self, now: float) -> None:
        self.due = now + 1 / self.rate

    def put_back(self, request: Request, now: float) -> None:
        self.answered(now)
        others = {flow.ufid for flow, _ in self.known if flow != request.flow}
        others |= {waiting.flow.ufid for waiting in self.waiting}
        if request.flow.ufid in others:
            return
        if len(self.waiting) == rules.WAITING:
            self.dropped += 1
            self.known = [(flow, seen) for flow, seen in self.known if flow.ufid != request.flow.ufid]
        else:
            self.waiting.insert(0, request)

    def fail(self, request: Request, now: float) -> None:
        self.answered(now)
        self.failed += 1
        self.forget(request.flow)


SEES = st.tuples(st.just("seen"), st.integers(0, 4), st.integers(0, 2))
ASKS = st.tuples(st.sampled_from(["answered", "put_back", "fail"]), st.integers(0, 20), st.just(0))
WAITS = st.tuples(st.just("wait"), st.integers(0, 60), st.just(0))


@given(st.lists(SEES | ASKS | WAITS, max_size=60), st.sampled_from([1, 2, 20]))
def test_any_sequence_goes_as_the_rules_say(steps: list[tuple[str, int, int]], rate: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "WAITING", 3)
        patch.setattr(rules, "KNOWN", 3)
        real, model, now = Requests(rate), Model(rate), 0.0
        for name, number, acts in steps:
            if name == "wait":
                now += number / 8
            elif name == "seen":
                real.seen(flow(number, acts), now)
                model.seen(flow(number, acts), now)
            else:
                found = real.next(now)
                assert found == model.next(now)
                if found is not None:
                    now += number / 32  # it takes its time
                    arguments: tuple[Any, ...] = (now,) if name == "answered" else (found, now)
                    getattr(real, name)(*arguments)
                    getattr(model, name)(*arguments)
            counts = real.dropped, real.expired, real.failed, real.unsent
            assert counts == (model.dropped, model.expired, model.failed, len(model.waiting))
            assert (real.wait(now) is None) == (not model.waiting)
