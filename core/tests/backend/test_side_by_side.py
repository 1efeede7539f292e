"""Contexts that are entered and left many at a time."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from tracer_core.backend.side_by_side import LeftTogether, side_by_side

MANY = 40


class Room:
    """Counts who is in it."""

    def __init__(self) -> None:
        self.inside: set[int] = set()
        self.threads: set[int] = set()

    @contextmanager
    def entered(self, number: int, *, refused: bool = False) -> Iterator[int]:
        if refused:
            raise OSError(errno.EINVAL, "full")
        self.inside.add(number)
        try:
            yield number
        finally:
            self.threads.add(threading.get_ident())
            self.inside.remove(number)


@pytest.mark.parametrize("count", [0, 1, MANY])
def test_all_are_entered_in_any_order_and_left(count: int) -> None:
    room = Room()
    with side_by_side([room.entered(number) for number in range(count)]) as given:
        assert given == list(range(count))
        assert room.inside == set(range(count))
    assert not room.inside


@pytest.mark.parametrize("count", [3, MANY])
def test_who_cannot_be_entered_says_why_and_holds_up_nobody(count: int) -> None:
    room = Room()
    with side_by_side([room.entered(number, refused=number == 1) for number in range(count)]) as given:
        refusals = [one for one in given if isinstance(one, OSError)]
        assert [error.errno for error in refusals] == [errno.EINVAL]
        assert given[1] is refusals[0]
        assert len(room.inside) == count - 1
    assert not room.inside


def test_all_are_left_when_the_block_fails() -> None:
    room = Room()
    with pytest.raises(ValueError, match="inside"), side_by_side([room.entered(n) for n in range(MANY)]):
        raise ValueError("inside")
    assert not room.inside


def test_those_entered_one_by_one_are_left_at_a_time_by_threads_of_their_own() -> None:
    room = Room()
    with closing(LeftTogether()) as together:
        assert [together.enter_context(room.entered(number)) for number in range(MANY)] == list(range(MANY))
        together.close()
        assert not room.inside
        assert threading.get_ident() not in room.threads
