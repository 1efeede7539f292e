from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.errors import PluginError
from tracer_core.plan.ordering import ordered


def test_names_come_after_those_they_name_and_otherwise_by_alphabet() -> None:
    assert ordered({"c": (), "a": ("c",), "b": ()}) == ["b", "c", "a"]


def test_names_that_are_not_there_are_ignored() -> None:
    assert ordered({"a": ("gone",)}) == ["a"]


def test_a_circle_is_refused_by_name() -> None:
    with pytest.raises(PluginError, match="in a circle: a, b"):
        ordered({"a": ("b",), "b": ("a",), "c": ()})


@given(st.integers(1, 12), st.randoms(use_true_random=False))
def test_the_order_does_not_depend_on_the_order_of_declaration(count: int, rng: random.Random) -> None:
    names = [f"n{number}" for number in range(count)]
    after = {name: tuple(rng.sample(names[:at], rng.randint(0, at))) for at, name in enumerate(names)}
    shuffled = dict(rng.sample(list(after.items()), count))
    result = ordered(shuffled)
    assert result == ordered(after)
    assert sorted(result) == sorted(names)
    assert all(result.index(other) < result.index(name) for name in names for other in after[name])
