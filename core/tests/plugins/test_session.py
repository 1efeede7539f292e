"""Sessions: whatever a collector does in one, the reason why a run ended stays the reason."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tracer_core.errors import PluginError, RunError
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.session import guarded

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER = Owner("some", "tracer-some", "1.0")
LOG = logging.getLogger("some")


@contextmanager
def session(entering: Exception | None = None, leaving: Exception | None = None) -> Iterator[None]:
    if entering:
        raise entering
    try:
        yield
    finally:
        if leaving:
            raise leaving


def enter(
    *, entering: Exception | None = None, leaving: Exception | None = None, inside: Exception | None = None
) -> None:
    with guarded(OWNER, session(entering, leaving), LOG):
        if inside:
            raise inside


def test_a_session_that_raises_on_entry_names_the_collector() -> None:
    with pytest.raises(PluginError, match=r"some \(tracer-some 1\.0\): entering tracer_session failed: OSError: no"):
        enter(entering=OSError("no"))


def test_a_session_that_raises_on_exit_names_the_collector() -> None:
    with pytest.raises(PluginError, match="leaving tracer_session failed: OSError: no"):
        enter(leaving=OSError("no"))


def test_expected_trouble_of_a_session_is_passed_on_as_it_is() -> None:
    with pytest.raises(RunError, match=r"^expected$"):
        enter(entering=RunError("expected"))


def test_what_ended_the_run_stays_the_reason_when_leaving_fails_too(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RunError, match=r"^first$"):
        enter(inside=RunError("first"), leaving=OSError("on two\nlines"))
    (record,) = caplog.records
    assert "leaving tracer_session failed: OSError: on two lines" in record.getMessage()


def test_a_session_that_lets_errors_through_adds_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RunError, match=r"^first$"):
        enter(inside=RunError("first"))
    assert caplog.records == []


def test_a_session_cannot_swallow_what_ended_the_run() -> None:
    class Swallowing:
        def __enter__(self) -> None:
            pass

        def __exit__(self, *_: object) -> bool:
            return True

    with pytest.raises(RunError), guarded(OWNER, Swallowing(), LOG):
        raise RunError("first")
