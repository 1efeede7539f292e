"""Many contexts entered, and left, at a time: what attaches to the kernel mostly waits for it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

T = TypeVar("T")
S = TypeVar("S")

_FEW = 4  # for which threads are not worth their start
_WORKERS = 32  # the kernel waits for one grace period for all who wait at a time


@contextmanager
def side_by_side(contexts: Sequence[AbstractContextManager[T]]) -> Iterator[list[T | OSError]]:
    """Enter contexts in any order; all that could be entered are left when the block is.

    Gives:
        What each gave, in their order, or why it could not be entered.
    """
    entered: list[AbstractContextManager[T]] = []

    def enter(context: AbstractContextManager[T]) -> T | OSError:
        try:
            given = context.__enter__()
        except OSError as error:
            return error
        entered.append(context)
        return given

    try:
        yield _each(enter, contexts)
    finally:
        _each(_leave, entered)


class LeftTogether:
    """Contexts that are entered one after the other, and left side by side when it is closed."""

    def __init__(self) -> None:
        self._entered: list[AbstractContextManager[Any]] = []

    def enter_context(self, context: AbstractContextManager[T]) -> T:
        """Enter one more."""
        given = context.__enter__()
        self._entered.append(context)
        return given

    def close(self) -> None:
        """Leave all that are entered."""
        entered, self._entered = self._entered, []
        _each(_leave, entered)


def _leave(context: AbstractContextManager[Any]) -> None:
    context.__exit__(None, None, None)


def _each(work: Callable[[S], T], items: Iterable[S]) -> list[T]:
    todo = list(items)
    if len(todo) <= _FEW:
        return [work(item) for item in todo]
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - few runs need it

    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="attach") as pool:
        return list(pool.map(work, todo))
