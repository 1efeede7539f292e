from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import pytest

from tracer_core.backend.base import Losses, Missed
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Identity, Plan, PlannedProbe, Shape
from tracer_core.run.losses import LossReport
from tracer_core.types import Probe, ProbeKind

if TYPE_CHECKING:
    from tracer_core.backend.base import Backend

EVENTS = Shape(ProbeKind.KPROBE, False, Identity.COOKIE, None, 0, False, (), (), fragments=(0,))
HELPER = Shape(ProbeKind.KPROBE, False, Identity.COOKIE, None, 0, False, (), (), fragments=())
TARGETS = ("ip_rcv", "ip_output", "tcp_v4_rcv", "udp_rcv", "skb_free_head")


def planned(target: str) -> PlannedProbe:
    shape = 1 if target == "skb_free_head" else 0
    return PlannedProbe(Probe(ProbeKind.KPROBE, target), Prototype((), "void", "", 0), shape)


PLAN = Plan("test", (), (), (), (), (EVENTS, HELPER), tuple(map(planned, TARGETS)), ())


@dataclass
class Counting:
    """A backend that says what it is told to say."""

    found: Losses

    def losses(self) -> Losses:
        return self.found


def report(losses: Losses) -> tuple[LossReport, Counting]:
    backend = Counting(losses)
    return LossReport(cast("Backend", backend), PLAN), backend


NONE = (0,) * len(TARGETS)


def test_a_run_without_losses_has_nothing_to_say(caplog: pytest.LogCaptureFixture) -> None:
    told, _ = report(Losses(NONE))
    told.look()
    told.tell()
    assert caplog.text == ""
    assert told.facts() == {}


def test_the_end_tells_each_probe_and_the_sum(caplog: pytest.LogCaptureFixture) -> None:
    told, _ = report(Losses((3, 0, 4, 0, 0)))
    told.tell()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["lost 3 event(s) from ip_rcv", "lost 4 event(s) from tcp_v4_rcv", "total events lost: 7"]
    assert told.facts() == {"lost": {"kprobe:ip_rcv": 3, "kprobe:tcp_v4_rcv": 4}}


def test_missed_hits_are_told_by_the_probes_that_may_have_missed_them(caplog: pytest.LogCaptureFixture) -> None:
    told, _ = report(Losses(NONE, (Missed((0,), 2, 5), Missed((0, 1, 2, 3), 9, 9))))
    told.tell()
    messages = [record.getMessage() for record in caplog.records]
    assert messages == ["missed 2 to 5 hit(s) of ip_rcv", "missed 9 hit(s) of ip_rcv, ip_output, tcp_v4_rcv and 1 more"]
    assert told.facts()["missed"][0] == {"probes": ["kprobe:ip_rcv"], "least": 2, "most": 5}


def test_what_helpers_of_tracking_miss_would_not_have_been_events(caplog: pytest.LogCaptureFixture) -> None:
    told, _ = report(Losses(NONE, (Missed((4,), 2, 2),), uncounted=(4,)))
    told.look()
    told.tell()
    assert caplog.text == ""
    assert told.facts() == {}


def test_a_kernel_that_does_not_count_is_said_not_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    told, _ = report(Losses(NONE, uncounted=(0,)))
    told.tell()
    assert caplog.messages == ["this kernel does not count the hits that it may have missed of ip_rcv"]


def test_live_losses_are_told_once_in_a_while(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("tracer_core.run.losses.time.monotonic", lambda: now)
    told, backend = report(Losses((1, 0, 0, 0, 0)))
    told.look()
    backend.found = Losses((2, 0, 0, 0, 0), (Missed((0,), 1, 2),))
    told.look()
    assert [message.split(":")[0] for message in caplog.messages] == ["lost 1 event(s) so far"]
    now += 60
    told.look()
    told.look()
    assert [message.split(":")[0] for message in caplog.messages][1:] == [
        "lost 2 event(s), missed up to 2 hit(s) so far"
    ]
