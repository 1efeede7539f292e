"""Messages in batches of records: logged, held back where they repeat, and taken out."""

from __future__ import annotations

import logging
import struct
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tracer_core.backend.base import Batch
from tracer_core.compose.composition import MESSAGE_NOWHERE, MESSAGE_SHIFT, Message
from tracer_core.decode.records import HEADER, dtype_of
from tracer_core.errors import RunError
from tracer_core.levels import LogLevel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.run.program_messages import ProgramMessages
from tracer_core.sections import Packet
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Probe

if TYPE_CHECKING:
    from tracer_core.plan.plan import Plan

MESSAGES = (Message(LogLevel.TRACE, "demo", "demo_see", "%d of %u"), Message(LogLevel.WARN, "core", "", "full"))


@pytest.fixture(scope="module")
def made() -> Plan:
    fragment = Fragment("demo_see", BpfSource("", "demo.bpf.c"), needs=("struct sk_buff *",), emits=(Packet,))
    spec = CollectorSpec("demo", "A test.", sections=(Packet,))
    request = Request((Probe.tracepoint("net:netif_receive_skb"),))
    return plan([Declaration(Owner("demo"), spec, None, fragments=(fragment,))], request, recorded_kernel("6.12"))


def record(time: int, *body: int, probe: int = 0) -> bytes:
    header = np.zeros(1, dtype_of(HEADER))
    header["timestamp"], header["probe"] = time, probe
    header["present"] = 1 << MESSAGE_SHIFT if body else 0
    return header.tobytes() + (struct.pack("<5q", *body, *[0] * (5 - len(body))) if body else b"")


def batch(*records: bytes) -> Batch:
    """Records as in the ring, where 8 bytes of its own stand before each."""
    data, offsets = b"", []
    for one in records:
        offsets.append(len(data) + 8)
        data += bytes(8) + one
    return Batch(data, offsets)


@pytest.fixture
def text(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(LogLevel.TRACE)
    return caplog


def lines(text: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    return [(name, level, message) for name, level, message in text.record_tuples if "[eBPF]" in message]


def test_messages_are_logged_and_events_stay(made: Plan, text: pytest.LogCaptureFixture) -> None:
    given = batch(record(5, 0, -1, 7), record(6), record(7, 1, probe=MESSAGE_NOWHERE), record(8))
    left = ProgramMessages(MESSAGES, made, clock_offset=None).sift(given)
    assert list(left.offsets) == [given.offsets[1], given.offsets[3]]
    assert left.data is given.data
    assert lines(text) == [
        ("demo", LogLevel.TRACE, "[eBPF] 5 demo: -1 of 7 (demo_see at tp:net:netif_receive_skb)"),
        ("core", LogLevel.WARN, "[eBPF] 7 core: full"),
    ]


def test_a_batch_without_messages_stays_as_it_is(made: Plan) -> None:
    given = batch(record(1), record(2))
    assert ProgramMessages(MESSAGES, made, clock_offset=None).sift(given) is given


@pytest.mark.parametrize("left", [0, 8, HEADER.size, HEADER.size + 8])
def test_a_record_that_is_cut_off_is_an_error(made: Plan, left: int) -> None:
    cut = Batch(bytes(8) + record(1, 0, 1)[:left], (8,))
    with pytest.raises(RunError, match="does not fit the plan"):
        ProgramMessages(MESSAGES, made, clock_offset=None).sift(cut)


def test_times_can_be_dates(made: Plan, text: pytest.LogCaptureFixture) -> None:
    ProgramMessages(MESSAGES, made, clock_offset=1_000_000_000).sift(batch(record(5_000_000, 0, 1, 1)))
    assert "[eBPF] 1970-01-01 00:00:01.005000 demo: 1 of 1" in lines(text)[0][2]


def test_what_is_important_is_not_repeated_but_counted(
    made: Plan, text: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("tracer_core.run.program_messages.time.monotonic", lambda: now)
    messages = ProgramMessages(MESSAGES, made, clock_offset=None)
    for time in range(4):
        messages.sift(batch(record(time, 1)))
    now += 6
    messages.sift(batch(record(9, 1), record(10, 1)))
    messages.end()
    assert [message.split("core: ")[1].split(" (")[0] for *_, message in lines(text)] == [
        "full",
        "3 more like: full",
        "full",
        "1 more like: full",
    ]


def test_debugging_messages_are_all_told(made: Plan, text: pytest.LogCaptureFixture) -> None:
    ProgramMessages(MESSAGES, made, clock_offset=None).sift(batch(*(record(time, 0, time, 3) for time in range(3))))
    assert [message.split()[3] for *_, message in lines(text)] == ["0", "1", "2"]


def test_numbers_of_another_run_are_no_messages(made: Plan, text: pytest.LogCaptureFixture) -> None:
    left = ProgramMessages((), made, clock_offset=None).sift(batch(record(1, 7), record(2)))
    assert len(left) == 1
    assert lines(text) == []
    assert logging.getLevelName(text.records[0].levelno) == "DEBUG"
