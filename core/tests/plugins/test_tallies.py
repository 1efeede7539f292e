"""What collectors declare to be counted, and what is refused of it."""

from __future__ import annotations

from typing import Annotated, Any, NamedTuple

import pytest

from tracer_core.api import U32, Chars, CollectorSpec, Tally, recorded, section
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.validate import UnusableError, refuse_bad


class Inner(NamedTuple):
    """A group."""

    number: U32
    """Of it."""


@section("counted")
class Counted(NamedTuple):
    """Something."""

    number: U32
    """Of it."""
    name: Annotated[str, recorded(U32)] | None
    """Its name."""
    task: Annotated[bytes, Chars(16)]
    """Whose."""
    inner: Inner | None
    """A group."""


def spec(tallies: Any) -> CollectorSpec:  # noqa: ANN401 - wrong ones, too
    return CollectorSpec("till", "Counts.", sections=(Counted,), tallies=tallies)


GOOD = Tally(Counted, ("name", "number", "task"), "seen here")


def test_tallies_of_numbers_and_text_can_be_used() -> None:
    refuse_bad(Owner("till"), spec((GOOD,)))


@pytest.mark.parametrize(
    ("tallies", "reason"),
    [
        ([GOOD], "not a tuple of Tally"),
        (("dropped",), "not a tuple of Tally"),
        ((Tally(Inner, ("number",), "seen"),), "is not among its sections"),
        ((Tally(Counted, (), "seen"),), "its key is ()"),
        ((Tally(Counted, "name", "seen"),), "its key is 'name'"),  # type: ignore[arg-type]
        ((Tally(Counted, ("nothing",), "seen"),), "neither a number nor text in nothing"),
        ((Tally(Counted, ("inner",), "seen"),), "neither a number nor text in inner"),
        ((Tally(Counted, ("name",), ""),), "'' is no title"),
        ((Tally(Counted, ("name",), "two\nlines"),), "is no title"),
    ],
    ids=lambda value: value.replace(" ", "_")[:30] if isinstance(value, str) else "",
)
def test_a_collector_whose_tallies_cannot_work_is_broken_and_says_why(tallies: Any, reason: str) -> None:  # noqa: ANN401
    with pytest.raises(UnusableError) as caught:
        refuse_bad(Owner("till", "tracer-till", "1.0"), spec(tallies))
    assert "collector till (tracer-till 1.0): its tallies cannot be used: " in caught.value.message
    assert reason in caught.value.message
