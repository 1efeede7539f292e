"""A call that may wait for others: meanwhile ^C works, and it does not take forever."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def beside(call: Callable[[], T], seconds: float, *, slow: float, on_slow: Callable[[], object]) -> T:
    """Make a call in a thread, since a signal gets through to Python only where Python waits.

    Args:
        call: What to do. If it takes too long, or a signal raises, nobody waits for it any more, not even at exit.
        seconds: How long it may take.
        slow: Seconds after which the user is told.
        on_slow: Tells the user that it takes long.

    Raises:
        Exception: it raised that.
        TimeoutError: it took longer.
    """
    results: list[T] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            results.append(call())
        except Exception as error:  # noqa: BLE001 - it is for who waits
            errors.append(error)

    thread = threading.Thread(target=work, name="beside", daemon=True)
    thread.start()
    thread.join(slow)
    if thread.is_alive():
        on_slow()
        thread.join(seconds - slow)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError("it took too long")
    return results[0]
