"""What a kernel stack is known to run for, run by itself (``BPF_PROG_TEST_RUN``), against calls made up here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.stack_levels import LEVELS, SECOND, STEP, TOP, Stack, head, loaded_stack

pytestmark = pytest.mark.bpf


@pytest.fixture(scope="module", params=[False, True], ids=["windows", "windows and marks"])
def loaded(request: pytest.FixtureRequest) -> Iterator[Stack]:
    with loaded_stack(follow=request.param) as made:
        yield made


@pytest.fixture
def stack(loaded: Stack) -> Stack:
    loaded.call("reset", TOP)
    return loaded


def test_what_a_function_calls_runs_for_its_packet_until_it_returns(stack: Stack) -> None:
    stack.call("open_for", TOP, 7)
    assert stack.call("inherit", TOP - STEP) == 7
    stack.call("close", TOP)
    assert stack.call("inherit", TOP - STEP) is None


def test_what_is_called_for_another_packet_runs_for_that_and_then_again_for_the_first(stack: Stack) -> None:
    stack.call("open_for", TOP, 7)
    stack.call("open_for", TOP - STEP, 8)
    assert stack.call("inherit", TOP - 2 * STEP) == 8
    stack.call("close", TOP - STEP)
    assert stack.call("inherit", TOP - 2 * STEP) == 7


def test_what_is_called_for_a_packet_that_is_not_followed_runs_for_none(stack: Stack) -> None:
    stack.call("open_for", TOP, 7)
    stack.call("open_for", TOP - STEP)
    assert stack.call("inherit", TOP - 2 * STEP) is None


def test_a_packet_met_on_the_way_changes_nothing_where_a_function_has_its_own(stack: Stack) -> None:
    stack.call("open_for", TOP, 7)
    stack.call("meet", TOP - STEP, 8)
    assert stack.call("inherit", TOP - STEP) == 7


def test_a_function_without_a_packet_runs_for_the_last_that_is_met_in_it(stack: Stack) -> None:
    stack.call("open", TOP)
    assert stack.call("inherit", TOP - STEP) is None
    for packet in (7, 8):
        stack.call("meet", TOP - STEP, packet)
        assert stack.call("inherit", TOP - 2 * STEP) == packet
    stack.call("meet", TOP - STEP)  # one that is not followed
    assert stack.call("inherit", TOP - 2 * STEP) is None


def test_what_was_met_in_a_call_was_met_in_the_one_around_it(stack: Stack) -> None:
    stack.call("open", TOP)
    stack.call("open_for", TOP - STEP, 7)
    stack.call("close", TOP - STEP)
    assert stack.call("inherit", TOP - STEP) == 7
    stack.call("open_for", TOP - STEP)
    stack.call("close", TOP - STEP)
    assert stack.call("inherit", TOP - STEP) is None


def test_a_window_whose_return_was_missed_ends_where_something_runs_above_it(stack: Stack) -> None:
    stack.call("open_for", TOP - STEP, 7)
    assert stack.call("inherit", TOP - STEP + 8) is None
    assert stack.call("inherit", TOP - 2 * STEP) is None


def test_a_window_whose_return_was_missed_ends_after_a_second(stack: Stack) -> None:
    stack.call("open_for", TOP, 7)
    assert stack.call("inherit", TOP - STEP, now=SECOND + SECOND // 2) == 7
    assert stack.call("inherit", TOP - STEP, now=2 * SECOND + SECOND // 10) is None


def test_a_function_that_ends_by_jumping_to_another_has_not_returned(stack: Stack) -> None:
    stack.call("open_for", TOP, 7)
    stack.call("meet", TOP, 8)
    stack.call("open", TOP)
    assert stack.call("inherit", TOP) == 7
    stack.call("close", TOP)
    stack.call("close", TOP)
    assert stack.call("inherit", TOP - STEP) is None


def test_another_stack_of_the_same_cpu_runs_for_nothing_and_closes_nothing(stack: Stack) -> None:
    stack.call("open_for", TOP, 7)
    for other in (TOP + (1 << 20), TOP - (1 << 20)):
        assert stack.call("inherit", other) is None
        stack.call("close", other)
    assert stack.call("inherit", TOP - STEP) == 7


def test_what_is_too_deep_to_be_told_apart_runs_for_nothing(stack: Stack) -> None:
    windows = LEVELS - stack.follows  # marks take one
    for depth in range(windows + 4):
        stack.call("open_for", TOP - depth * STEP, depth + 1)
    deepest = TOP - (windows + 4) * STEP
    assert stack.call("inherit", deepest) is None
    for depth in reversed(range(windows, windows + 4)):
        stack.call("close", TOP - depth * STEP)
    assert stack.call("inherit", deepest) == windows


def test_a_mark_lasts_until_its_packet_is_freed(stack: Stack) -> None:
    stack.call("know", packet=7)
    stack.call("meet", TOP, 7)
    assert stack.call("inherit", TOP + STEP) == (7 if stack.follows else None)
    stack.call("forget", packet=7)
    assert stack.call("inherit", TOP + STEP) is None
    stack.trial.call("trial_know", 0, SECOND, head(7), 9)  # another packet, in the same memory
    assert stack.call("inherit", TOP + STEP) is None


def test_a_mark_goes_when_a_packet_is_met_that_is_not_followed(stack: Stack) -> None:
    stack.call("know", packet=7)
    stack.call("meet", TOP, 7)
    stack.call("meet", TOP)
    assert stack.call("inherit", TOP - STEP) is None


@dataclass
class Call:
    """A call that runs: what was met in it, if it has a window."""

    window: bool
    loose: bool = True
    packet: int | None = None


@dataclass
class Calls:
    """The calls that run, as they are: what a stack is to know of them."""

    stack: Stack
    running: list[Call]
    alive: set[int] = field(default_factory=set)

    @property
    def windows(self) -> list[Call]:
        return [call for call in self.running if call.window]

    @property
    def is_deep(self) -> bool:
        return len(self.windows) > LEVELS

    def frame(self) -> int:
        return TOP - len(self.running) * STEP

    def inside(self) -> int:
        """A position in the innermost call."""
        return self.frame() + STEP // 2

    def current(self) -> int | None:
        if not self.windows or self.is_deep:
            return None
        packet = self.windows[-1].packet
        is_mark = self.windows[-1] is self.running[0]
        return packet if not is_mark or packet in self.alive else None

    def enter(self, packet: int | None, *, window: bool, loose: bool) -> None:
        if window:
            if loose:
                packet = self.current()
                self.stack.call("open", self.frame())
            else:
                self.stack.call("open_for", self.frame(), packet or 0)
        self.running.append(Call(window, loose, packet))

    def meet(self, packet: int | None) -> None:
        self.stack.call("meet", self.inside(), packet or 0)
        if self.windows and self.windows[-1].loose and not self.is_deep:
            self.windows[-1].packet = packet

    def leave(self, *, missed: bool) -> None:
        if len(self.running) == 1:
            return
        was_deep = self.is_deep
        call = self.running.pop()
        if call.window and not was_deep and self.windows and self.windows[-1].loose:
            self.windows[-1].packet = call.packet
        if call.window and not missed:
            self.stack.call("close", self.frame())


packets = st.one_of(st.none(), st.integers(1, 5))
steps = st.lists(
    st.one_of(
        st.tuples(st.just("enter"), packets, st.booleans(), st.booleans()),
        st.tuples(st.just("meet"), packets),
        st.tuples(st.just("leave"), st.integers(0, 9)),
        st.tuples(st.just("free"), st.integers(1, 5)),
        st.tuples(st.just("dive"), st.integers(2, LEVELS + 2)),
        st.tuples(st.just("surface"), st.integers(2, LEVELS + 2)),
    ),
    max_size=60,
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_whatever_calls_what_it_is_known_which_packet_it_runs_for(stack: Stack, steps: list[tuple[str, int]]) -> None:
    stack.call("reset", TOP)
    calls = Calls(stack, [Call(window=stack.follows)], alive={1, 2, 3, 4, 5})
    for packet in calls.alive:
        stack.call("know", packet=packet)
    for what, *values in steps:
        if what == "enter":
            packet, window, loose = values
            calls.enter(packet, window=bool(window), loose=bool(loose))
        elif what == "meet":
            calls.meet(values[0])
        elif what == "leave":
            calls.leave(missed=values[0] == 0)
        elif what == "free":
            stack.call("forget", packet=values[0])
            calls.alive.discard(values[0])
        else:
            for depth in range(values[0]):
                if what == "dive":
                    calls.enter(depth + 1, window=True, loose=False)
                else:
                    calls.leave(missed=False)
        assert stack.call("inherit", calls.inside()) == calls.current()
