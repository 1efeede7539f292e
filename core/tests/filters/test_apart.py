from __future__ import annotations

import ctypes
import os
import time
from pathlib import Path

import pytest

from tracer_core.errors import UsageError
from tracer_core.filters.apart import apart


def test_a_result_comes_back_however_large() -> None:
    assert apart(lambda: list(range(300_000)), 20) == list(range(300_000))


def test_an_error_of_ours_comes_back_with_its_hint() -> None:
    def call() -> None:
        raise UsageError("no", hint="do this")

    with pytest.raises(UsageError) as caught:
        apart(call, 20)
    assert str(caught.value) == "no; do this"


def test_a_crash_is_an_error() -> None:
    with pytest.raises(ChildProcessError):
        apart(lambda: ctypes.string_at(0), 20)


def test_what_takes_too_long_is_ended() -> None:
    before = time.monotonic()
    with pytest.raises(TimeoutError):
        apart(lambda: time.sleep(60), 0.1)
    assert time.monotonic() - before < 30


def held() -> tuple[set[str], str]:
    """Descriptors and children of this process."""
    own = Path("/proc/self")
    return {path.name for path in own.joinpath("fd").iterdir()}, own.joinpath(
        f"task/{os.getpid()}/children"
    ).read_text()


def test_nothing_is_left_of_it() -> None:
    before = held()
    for _ in range(3):
        apart(os.getpid, 20)
        with pytest.raises(TimeoutError):
            apart(lambda: time.sleep(60), 0)
    assert held() == before
