"""The table of tracked packets, run by itself (``BPF_PROG_TEST_RUN``): what is found, thrown out, forgotten."""

from __future__ import annotations

import logging
import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from tests.tracking import SET

from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.kernel.live import LiveKernel
from tracer_core.levels import LogLevel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.run.program_messages import ProgramMessages
from tracer_core.testing.trial import Trial
from tracer_core.types import Probe

pytestmark = pytest.mark.bpf

WAYS, MINUTE = 4, 60 * 10**9
_MULTIPLIER, _BITS = 0x9E3779B97F4A7C15, 13
_CALL = """
int trial_NAME(u64 *args)
{
	u32 key = 0;
	struct tracer_trial *trial = tracer_trial.lookup(&key);
	struct tracer_tracked tracked = {.timestamp = args[2], .orig_head = args[3]};
	u64 *out;

	if (!trial)
		return 0;
	out = (u64 *)trial->memory;
	out[0] = CALL;
	out[1] = tracked.timestamp;
	out[2] = tracked.orig_head;
	return 0;
}
"""
_CALLS = {
    "know": "tracer_know(args[0], args[1], &tracked, false)",
    "replace": "tracer_know(args[0], args[1], &tracked, true)",
    "find": "tracer_find(args[0], args[1], &tracked)",
    "forget": "tracer_forget(args[0], &tracked)",
}


@dataclass
class Table:
    trial: Trial
    memory: mmap.mmap
    said: ProgramMessages

    def tell(self) -> None:
        """Log what was said."""
        assert not self.said.sift(self.trial.read())

    def call(self, name: str, head: int, now: int, stamp: int = 0, origin: int = 0) -> tuple[int, int] | None:
        """Timestamp and address that come back, if it says yes."""
        self.trial.call(f"trial_{name}", head, now, stamp, origin)
        result, *identity = struct.unpack_from("<3Q", self.trial.memory)
        return (identity[0], identity[1]) if result & 0xFF else None

    def know(self, head: int, now: int) -> tuple[int, int] | None:
        return self.call("know", head, now, now, head)

    def find(self, head: int, now: int) -> tuple[int, int] | None:
        return self.call("find", head, now)


@pytest.fixture(scope="module")
def loaded() -> Iterator[Table]:
    kernel = LiveKernel()
    receive = Probe.tracepoint("net:netif_receive_skb")
    request = Request((receive,), abilities=Fixed(typed=False, entries=()), log_level=LogLevel.DEBUG)
    made = plan([declare(Host().collector("skb_tracking"), kernel, None)], request, kernel)
    texts = [_CALL.replace("NAME", name).replace("CALL", call) for name, call in _CALLS.items()]
    functions = [f"trial_{name}" for name in _CALLS]
    composition = compose(made, kernel, running_machine())
    with Trial(made, composition, extra="".join(texts), functions=functions) as trial:
        said = ProgramMessages(composition.messages, made, clock_offset=None)
        yield Table(trial, trial.map("tracer_tracking", SET.size << _BITS), said)


@pytest.fixture
def table(loaded: Table) -> Table:
    loaded.memory[:] = bytes(len(loaded.memory))
    loaded.tell()
    return loaded


def set_of(head: int) -> int:
    return (head * _MULTIPLIER & (1 << 64) - 1) >> 64 - _BITS


def neighbours(count: int) -> list[int]:
    """Addresses of one set."""
    first = 0xFFFF888100000400
    found = (head for head in range(first, first + (1 << 40), 1024) if set_of(head) == set_of(first))
    return [next(found) for _ in range(count)]


def test_what_is_known_is_found_and_nothing_else(table: Table) -> None:
    one, other = neighbours(2)
    assert table.find(one, 5) is None
    assert table.know(one, 7) == (7, one)
    assert table.find(one, 8) == (7, one)
    assert table.find(other, 8) is None
    assert table.find(0, 8) is None


def test_who_comes_second_learns_what_the_first_said(table: Table) -> None:
    (head,) = neighbours(1)
    table.know(head, 7)
    assert table.know(head, 9) == (7, head)


def test_what_moves_replaces_what_was_there(table: Table) -> None:
    (head,) = neighbours(1)
    table.know(head, 7)
    table.call("replace", head, 9, 3, 4)
    assert table.find(head, 10) == (3, 4)


def test_what_is_freed_is_forgotten_and_its_neighbours_are_not(table: Table) -> None:
    heads = neighbours(WAYS)
    for head in heads:
        table.know(head, 7)
    assert table.call("forget", heads[1], 0) == (7, heads[1])
    assert table.call("forget", heads[1], 0) is None
    assert [table.find(head, 8) for head in heads] == [(7, head) if head != heads[1] else None for head in heads]
    assert table.know(heads[1], 9) == (9, heads[1])


def test_to_free_nothing_is_not_to_free_what_was_there_before(table: Table) -> None:
    # an empty place has the address that kfree(NULL) has
    at_zero = next(head for head in range(1 << 32, 1 << 50, 1024) if set_of(head) == set_of(0))
    table.know(at_zero, 7)
    table.call("forget", at_zero, 0)
    assert table.call("forget", 0, 0) is None


def test_a_full_set_throws_out_the_one_not_seen_for_longest(table: Table) -> None:
    heads = neighbours(WAYS + 1)
    second = 10**9
    for at, head in enumerate(heads[:WAYS]):
        table.know(head, at * second)
    table.find(heads[0], WAYS * second)
    table.know(heads[WAYS], (WAYS + 1) * second)
    found = [table.find(head, (WAYS + 2) * second) is not None for head in heads]
    assert found == [True, False, True, True, True]


def test_a_packet_not_seen_for_a_minute_is_another_one(table: Table) -> None:
    (head,) = neighbours(1)
    table.know(head, 7)
    assert table.find(head, MINUTE - 10**8) == (7, head)
    later = 2 * MINUTE + 10**8
    assert table.find(head, later) is None
    assert table.know(head, later) == (later, head)
    assert table.find(head, later + 1) == (later, head)


def test_a_processor_whose_clock_is_behind_finds_it_too(table: Table) -> None:
    (head,) = neighbours(1)
    table.know(head, 10**9)
    assert table.find(head, 10**9 - 10**7) == (10**9, head)


def test_a_set_that_is_taken_all_the_time_takes_nothing_in_and_is_readable(table: Table) -> None:
    one, other = neighbours(2)
    table.know(one, 7)
    users = set_of(one) * SET.size + 48
    table.memory[users : users + 8] = struct.pack("<Q", 1)
    assert table.know(other, 8) is None
    assert table.find(one, 8) == (7, one)
    assert struct.unpack_from("<Q", table.memory, users) == (1,)
    table.call("forget", one, 0)
    assert table.find(one, 9) is None


def test_a_packet_that_is_forgotten_for_another_is_told_of(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    heads = neighbours(WAYS + 1)
    for head in heads[:WAYS]:
        table.know(head, 10**9)
    table.tell()
    assert "[eBPF]" not in caplog.text
    table.know(heads[WAYS], 8_500_000_000)
    table.tell()
    assert f"one last seen 7 s ago is forgotten for the one with its data at {heads[WAYS]:#x}" in caplog.text


def test_a_packet_that_cannot_be_followed_is_told_of(table: Table, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    (head,) = neighbours(1)
    users = set_of(head) * SET.size + 48
    table.memory[users : users + 8] = struct.pack("<Q", 1)
    table.know(head, 8)
    table.tell()
    assert f"the packet with its data at {head:#x} cannot be followed" in caplog.text
