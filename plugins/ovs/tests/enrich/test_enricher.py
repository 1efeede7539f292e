"""Flows that are looked up become events that say what Open vSwitch knows of them: with a daemon that is made up."""

from __future__ import annotations

import logging
import threading
import time
from contextlib import ExitStack
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest
from plugins.ovs.tests.enrich.fake_daemon import FakeDaemon, fake_daemon

from tracer_core.api import U32, U64, CollectorSpec, Group, RunError, UsageError, section
from tracer_core.testing import SessionTrial
from tracer_ovs.enrich import enricher
from tracer_ovs.enrich.enricher import DETRACE, enriched, looked_up
from tracer_ovs.enrich.sections import Flow, OvsDetrace
from tracer_ovs.enrich.ufid import ufid_text
from tracer_ovs.enrich.unixctl import ControlError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Start = Callable[..., SessionTrial]


class Found(NamedTuple):
    """A look-up."""

    flow: U64
    """Address."""
    sf_acts: U64
    """Address."""
    ufid_0: U32
    """Part."""
    ufid_1: U32
    """Part."""
    ufid_2: U32
    """Part."""
    ufid_3: U32
    """Part."""


@section("lookups")
class Lookups(NamedTuple):
    """What is watched."""

    lookup: Found | None
    """A look-up."""


SPEC = CollectorSpec("ovs", "A test.", sections=(Lookups, OvsDetrace))
ONE, TWO = Flow((1, 2, 3, 4), 100, 200), Flow((5, 0, 0, 0xFFFFFFFF), 101, 201)


def columns(*flows: Flow) -> dict[str, Any]:
    """What is recorded of look-ups."""
    names = Found._fields
    rows = [(flow.flow, flow.sf_acts, *flow.ufid) for flow in flows]
    found = {name: np.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    return {"lookup": Group(found)}


def give(trial: SessionTrial, *flows: Flow) -> None:
    trial.give(Lookups, columns(*flows), len(flows))


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeDaemon]:
    """One that knows all flows."""
    with fake_daemon(tmp_path / "daemon.ctl") as found:
        monkeypatch.setattr(enricher, "control_socket", lambda _: found.path)
        found.answers["dpctl/get-flow"] = lambda ufid: f"{ufid}, in_port(1), actions:2\n"
        found.answers[DETRACE] = lambda _, pmd: f" cookie=0, priority=1,ip\n\n cookie=0, {pmd}\n"
        yield found


@pytest.fixture
def start() -> Iterator[Start]:
    """Start to enrich, until the test ends."""
    with ExitStack() as sessions:

        def begin(rate: int = 1000) -> SessionTrial:
            trial = SessionTrial(SPEC)
            sessions.enter_context(enriched(trial.session, Lookups, rate, "ovs-vswitchd"))
            return trial

        yield begin


def detrace(flow: Flow, *rules: str) -> OvsDetrace:
    return OvsDetrace(*flow, f"ufid:{ufid_text(flow.ufid)}, in_port(1), actions:2", rules)


RULES = ("cookie=0, priority=1,ip", "cookie=0, pmd=2147483647")


def test_each_flow_that_is_found_is_asked_for_once_and_reported(daemon: FakeDaemon, start: Start) -> None:
    trial = start()
    give(trial, ONE, ONE, ONE._replace(flow=0), TWO, ONE)
    assert trial.reported(2) == [detrace(ONE, *RULES), detrace(TWO, *RULES)]
    give(trial, TWO, ONE)
    give(trial, ONE._replace(sf_acts=7))
    assert trial.reported(3)[2:] == [detrace(ONE._replace(sf_acts=7), *RULES)]
    ufid = "ufid:00000001-0000-0002-0000-000300000004"
    assert daemon.asked[:3] == [("list-commands",), ("dpctl/get-flow", ufid), (DETRACE, ufid, "pmd=2147483647")]
    assert len(daemon.asked) == 7


def test_records_without_a_look_up_ask_for_nothing() -> None:
    assert list(looked_up({"lookup": None})) == []
    assert list(looked_up(columns(ONE._replace(flow=0)))) == []
    assert list(looked_up(columns(TWO, ONE, TWO))) == [TWO, ONE]


def test_so_many_are_asked_for_in_a_second_and_no_more(daemon: FakeDaemon, start: Start) -> None:
    times: list[float] = []

    def get_flow(ufid: str) -> str:
        times.append(time.monotonic())
        return ufid

    daemon.answers["dpctl/get-flow"] = get_flow
    trial = start(20)
    give(trial, *(ONE._replace(ufid=(number, 0, 0, 0)) for number in range(6)))
    trial.reported(6)
    assert min(after - before for before, after in pairwise(times)) >= 0.05


def test_an_older_open_vswitch_is_asked_for_flows_alone(
    daemon: FakeDaemon, start: Start, caplog: pytest.LogCaptureFixture
) -> None:
    del daemon.answers[DETRACE]
    trial = start()
    (message,) = caplog.messages
    assert message == ("Running OpenvSwitch does not support 'ofproto/detrace', only datapath flows will be enriched")
    give(trial, ONE)
    assert trial.reported(1) == [detrace(ONE)]


@pytest.mark.parametrize("none", ["", "\n", "Cache was not found\n"])
def test_rules_that_are_not_known_yet_are_asked_for_again(daemon: FakeDaemon, start: Start, none: str) -> None:
    answers = iter([none, none, "rule\n"])
    daemon.answers[DETRACE] = lambda *_: next(answers)
    trial = start()
    give(trial, ONE)
    assert trial.reported(1) == [detrace(ONE, "rule")]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("dpctl/get-flow", ValueError("getting flow (No such file or directory)")),
        (DETRACE, "UFID was not found for system@ovs-system\n"),
    ],
)
def test_what_fails_is_counted_and_others_are_asked_for(
    daemon: FakeDaemon,
    caplog: pytest.LogCaptureFixture,
    command: str,
    answer: Any,  # noqa: ANN401 - a text or an error
) -> None:
    known = daemon.answers[command]
    daemon.answers[command] = lambda ufid, *more: known(ufid, *more) if "00000001" in ufid else answer
    trial = SessionTrial(SPEC)
    with enriched(trial.session, Lookups, 1000, "ovs-vswitchd"):
        give(trial, TWO, ONE)
        assert trial.reported(1) == [detrace(ONE, *RULES)]
    assert caplog.messages == ["1 request(s) to Open vSwitch failed"]


def test_what_was_not_asked_is_told_at_the_end(daemon: FakeDaemon, caplog: pytest.LogCaptureFixture) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def get_flow(ufid: str) -> str:
        asked.set()
        go_on.wait(60)
        return ufid

    daemon.answers["dpctl/get-flow"] = get_flow
    trial = SessionTrial(SPEC)
    with caplog.at_level(logging.INFO), enriched(trial.session, Lookups, 1000, "ovs-vswitchd"):
        give(trial, *(ONE._replace(ufid=(number, 0, 0, 0)) for number in range(103)))
        asked.wait(60)
        trial.session.link.exchange.watches[0].close()  # as at the end, before there is an answer
        go_on.set()
    assert len(trial.reported()) == 1
    assert caplog.messages == [
        "3 look-up(s) were not asked about: too many waited",
        "99 request(s) to Open vSwitch were not sent any more",
    ]


def test_a_rate_of_none_is_refused(daemon: FakeDaemon, start: Start) -> None:
    with pytest.raises(UsageError, match="--ovs-enrich-rate: 0 is no number"):
        start(0)
    assert daemon.asked == []


def test_a_daemon_that_cannot_be_asked_ends_the_run(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_: object) -> Path:
        raise ControlError("no process is called ovs-vswitchd")

    monkeypatch.setattr(enricher, "control_socket", nothing)
    with pytest.raises(RunError, match="Failed to connect to OVS via unixctl: no process is called ovs-vswitchd"):
        start()


def test_an_error_of_ours_is_not_kept_for_itself(daemon: FakeDaemon) -> None:
    trial = SessionTrial(SPEC)
    with pytest.raises(KeyError, match="lookup"), enriched(trial.session, Lookups, 1000, "ovs-vswitchd"):  # noqa: PT012 - waits inside
        trial.give(Lookups, {}, 1)
        deadline = time.monotonic() + 60
        while trial.session.link.exchange.watches[0].is_open and time.monotonic() < deadline:
            time.sleep(0.001)
