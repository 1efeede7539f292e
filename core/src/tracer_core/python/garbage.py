"""Python's search for garbage: it looks at all objects of a batch again and again while they are made."""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

T = TypeVar("T")


@contextmanager
def collector_waits() -> Iterator[None]:
    """Have it wait while objects are made that are no cycles. What the program has set stays set."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def each(values: Iterable[T]) -> Iterator[T]:
    """The same values; it waits while each is made, and only then."""
    made = iter(values)
    while True:
        with collector_waits():
            try:
                value = next(made)
            except StopIteration:
                return
        yield value
