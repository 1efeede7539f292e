"""That ^C cuts nothing in two."""

from __future__ import annotations

import signal
from threading import Thread

import pytest

from tracer_core.files.interruption import uninterrupted


def test_an_interruption_comes_at_the_end_of_the_block() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        work()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert done == ["all of it"]


@pytest.mark.parametrize("before", [signal.SIG_IGN, signal.SIG_DFL])
def test_what_is_no_handler_of_python_stays(before: signal.Handlers) -> None:
    handler = signal.signal(signal.SIGINT, before)
    try:
        with uninterrupted():
            assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, handler)


def test_other_threads_have_nothing_to_wait_for() -> None:
    seen = []

    def look() -> None:
        with uninterrupted():
            seen.append(signal.getsignal(signal.SIGINT))

    thread = Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [signal.getsignal(signal.SIGINT)]
