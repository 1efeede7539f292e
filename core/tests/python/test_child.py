"""What a run in a process of its own says."""

from __future__ import annotations

from tracer_core.python.child import warnings_in


def test_warnings_are_found_with_and_without_the_time() -> None:
    lines = ["1 probe(s) loaded", "WARN  one", "09:41:07.250000 WARN  two", "09:41:07.250000 INFO  WARN  three"]
    assert warnings_in(lines) == ["one", "two"]
