"""Versions of kernels, as profiles compare them."""

from __future__ import annotations

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.profiles.versions import parse_comparisons

OPERATORS = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
NUMBERS = st.tuples(*[st.integers(0, 20)] * 3)


def holds(text: str, release: str) -> bool:
    return all(comparison.holds(release) for comparison in parse_comparisons(text))


@pytest.mark.parametrize(
    ("text", "release", "expected"),
    [
        (">4.6, <6", "5.10.0-28-amd64", True),
        (">4.6, <6", "6.0.0", False),
        (">4.6,<6", "4.6.0", False),
        (">4.6", "4.6.1", True),
        ("= 6", "6.0.0-1-generic", True),
        ("=6.1", "6.1.5", False),
        (">=6.1", "6.1.0-rc3", True),
        ("<6.10", "6.9.7", True),
        ("!=6.9.7", "6.9.7+", False),
        (">=5.14.0-362", "5.14.0-362.8.1.el9_3.x86_64", True),
        (">5.14.0-362", "5.14.0-362.8.1.el9_3.x86_64", False),
        (">5.14.0-70", "5.14.0-362.8.1.el9_3.x86_64", True),
        ("<5.14.0-362", "5.14.0-427.el9.x86_64", False),
        ("=5.14.0-362.8", "5.14.0-362.8.1.el9", True),
        (">5.14.0-999", "5.15.0", True),
        ("<6.12", "6.12-rc1", False),
        (">=0", "no version at all", True),
    ],
)
def test_comparisons_hold_or_not(text: str, release: str, expected: bool) -> None:
    assert holds(text, release) is expected


@given(NUMBERS, NUMBERS, st.sampled_from(sorted(OPERATORS)), st.sampled_from(["", "-27-amd64", ".el9", "+"]))
def test_numbers_are_compared_as_numbers(ours: tuple[int, ...], theirs: tuple[int, ...], sign: str, rest: str) -> None:
    text, release = (".".join(map(str, numbers)) for numbers in (ours, theirs))
    assert holds(f"{sign}{text}", release + rest) is OPERATORS[sign](theirs, ours)


@pytest.mark.parametrize(
    "text", ["", "6.1", "~6", ">", "> 6 7", ">6.", ">6.1.2.3", ">6.1-3", ">6,", ">6,<7,!=6.1", ">٦"]
)
def test_what_is_no_comparison_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="version "):
        parse_comparisons(text)
