"""Rules are read beside the run, and never where they are not those of the events: with an ``nft`` that is made up."""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from plugins.nft.tests.fake_nft import FakeNft

from tracer_core.api import CollectorSpec, Group
from tracer_core.testing import Record, SessionTrial, Tracer, planned
from tracer_core.testing.patience import patience
from tracer_nft import reader, schedule
from tracer_nft.listing import RuleLister, own_namespace
from tracer_nft.plugin import NftOptions, tracer_session
from tracer_nft.rules import GONE, KNOWN, UNREAD
from tracer_nft.sections import Nft, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tracer_nft.listing import Rules

SPEC = CollectorSpec("nft", "A test.", options=NftOptions, sections=(Nft,))


class Run:
    """A session, what it watches, and what events are told."""

    def __init__(self, netns: tuple[int, ...]) -> None:
        self.options = NftOptions(rules=True)
        self._trial = SessionTrial(SPEC, self.options)
        # the table is there: nobody looks for a rule that traces
        self.session = replace(self._trial.session, netns=netns, changed=True)

    def step(self, handle: int, netns: int = 0) -> tuple[int, str]:
        """An event has a rule of table 1; state and text that it gets."""
        names = ("netns", "table_handle", "handle", "state", "text")
        columns: dict[str, Any] = {
            name: np.array([value])
            for name, value in zip(names, (netns or own_namespace(), 1, handle, 9, 9), strict=True)
        }
        self._trial.give(Nft, {"rule": Group(columns)}, 1)
        found = self.options.texts.decode(columns)
        return found["state"].tolist()[0], found["text"][0]

    def steps_until(self, wanted: tuple[int, str], handle: int, netns: int = 0) -> None:
        """Events of that rule come until they get that."""
        deadline = time.monotonic() + patience(10)
        while (found := self.step(handle, netns)) != wanted:
            assert time.monotonic() < deadline, found
            time.sleep(0.01)


@pytest.fixture
def nft(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNft:
    monkeypatch.setattr(schedule, "_REST", 0.05)
    return FakeNft(tmp_path, monkeypatch)


@pytest.fixture
def start() -> Iterator[Callable[..., Run]]:
    """Start a run, which ends with the test."""
    with ExitStack() as sessions:

        def begin(*netns: int) -> Run:
            run = Run(netns or (own_namespace(),))
            sessions.enter_context(tracer_session(run.session))
            return run

        yield begin


def test_the_first_event_finds_the_rules_that_are_there_when_the_run_begins(
    nft: FakeNft, start: Callable[..., Run]
) -> None:
    nft.has((6, "drop"), (7, "accept"))
    run = start()
    assert [run.step(6), run.step(7)] == [(KNOWN, "drop"), (KNOWN, "accept")]
    assert len(nft.calls) == 1


def test_rules_among_which_one_that_traces_is_looked_for_are_not_read_again(nft: FakeNft) -> None:
    nft.has((6, "drop"), (7, "meta nftrace set 1"))
    run = Run((own_namespace(),))
    with tracer_session(replace(run.session, changed=False)):
        assert run.step(6) == (KNOWN, "drop")
        assert len(nft.calls) == 1


def test_a_rule_that_is_added_later_is_read_when_an_event_has_it(nft: FakeNft, start: Callable[..., Run]) -> None:
    nft.has((6, "drop"))
    run = start()
    nft.has((6, "drop"), (9, "accept"))
    assert run.step(9) == (UNREAD, "")
    run.steps_until((KNOWN, "accept"), 9)
    assert len(nft.calls) == 2


def test_a_rule_that_was_removed_before_it_was_read_is_gone(nft: FakeNft, start: Callable[..., Run]) -> None:
    run = start()
    run.steps_until((GONE, ""), 9)


def test_no_event_waits_for_nft_and_neither_does_the_end_of_the_run(nft: FakeNft) -> None:
    run = Run((own_namespace(),))
    with tracer_session(run.session):
        nft.hold()
        assert run.step(9) == (UNREAD, "")
        nft.wait_for_calls(2)
        assert run.step(9) == (UNREAD, "")
        began = time.monotonic()
    assert time.monotonic() - began < 4  # nft is given five seconds
    with pytest.raises(OSError, match="No such device"):  # nobody reads there any more
        os.open(nft.gate, os.O_WRONLY | os.O_NONBLOCK)


def test_an_answer_that_comes_late_is_for_the_events_after_it(nft: FakeNft, start: Callable[..., Run]) -> None:
    run = start()
    nft.hold()
    assert run.step(9) == (UNREAD, "")
    nft.wait_for_calls(2)
    nft.has((9, "accept"))
    nft.let_go()
    run.steps_until((KNOWN, "accept"), 9)


def test_nft_that_fails_is_told_once_and_asked_again(
    nft: FakeNft, start: Callable[..., Run], caplog: pytest.LogCaptureFixture
) -> None:
    nft.fails("no room")
    run = start()
    assert run.step(6) == (UNREAD, "")
    nft.wait_for_calls(2)
    assert caplog.messages == [f"rules of network namespace {own_namespace()} cannot be read: nft: no room"]
    nft.has((6, "drop"))
    run.steps_until((KNOWN, "drop"), 6)


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The namespaces that are read, each of which has a rule."""
    namespaces: list[int] = []

    def rules(_: RuleLister, inode: int) -> Rules:
        namespaces.append(inode)
        return {(1, 6): "drop"}

    monkeypatch.setattr(RuleLister, "rules", rules)
    return namespaces


def test_without_a_namespace_all_are_read_ahead_our_own_first(read: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    own = own_namespace()
    monkeypatch.setattr(reader, "find_namespaces", lambda _: iter([(8, None), (own, None), (8, None), (7, None)]))
    with tracer_session(Run(()).session):
        assert read == [own, 8, 7]


def test_a_run_does_not_wait_for_all_namespaces_if_that_takes_long(
    read: list[int], start: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reader, "_START", 0.0)
    run = start(7, 8)
    assert read == []
    run.steps_until((KNOWN, "drop"), 6, 8)
    assert read == [8]


def test_nothing_is_read_if_rules_are_not_wanted(nft: FakeNft) -> None:
    session = replace(SessionTrial(SPEC, NftOptions()).session, changed=True)
    with tracer_session(session):
        assert nft.calls == []


def step_of(handle: int) -> Record:
    """What a program writes of an event that has that rule of table 1 in our namespace."""
    rule = Rule._make([own_namespace(), 1, handle, 9, 0])
    return Record({"nft": Nft._make([1, 1, handle, 0, 0, b"filter", b"c", b"", rule])})


def test_the_decoders_of_a_run_show_what_its_session_reads(nft: FakeNft) -> None:
    nft.has((6, "drop"))
    run = Run((own_namespace(),))
    made = planned("nft", options={"nft": run.options})
    with tracer_session(run.session):
        steps: list[Any] = [event.get(Nft) for event in made.events([step_of(6), step_of(9)])]
    assert [(step.rule.state, step.rule.text) for step in steps] == [(KNOWN, "drop"), (UNREAD, "")]


def test_a_replay_runs_no_nft_for_its_machine_has_other_rules(nft: FakeNft, tracer: Tracer) -> None:
    nft.has((6, "tcp dport 22 drop"))
    run = planned("nft", options={"nft": NftOptions(rules=True)})
    assert "handle 6 [could not be read] drop" in run.replayed(tracer, [step_of(6)])
    assert nft.calls == []
