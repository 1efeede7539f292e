"""What collectors declare of what their events are told by others, and what is refused of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import pytest

from tracer_core.api import U8, U32, U64, CollectorSpec, Lookup, recorded, section
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.validate import UnusableError, refuse_bad

if TYPE_CHECKING:
    from scripts.pages.blocks import Block


class Inner(NamedTuple):
    """A group."""

    number: U32
    """Of it."""


@section("asked")
class Asked(NamedTuple):
    """Asks."""

    number: U32
    """To ask about."""
    small: U8
    """Narrower than in the answer."""
    name: Annotated[str | None, recorded(U32)]
    """Told, perhaps."""
    always: Annotated[str, recorded(U32)]
    """Told, always."""
    inner: Inner | None
    """A group."""


@section("answer", reported=True)
class Answer(NamedTuple):
    """Answers."""

    number: U32
    """That was asked about."""
    small: U64
    """Wider."""
    name: str
    """Of it."""
    always: str
    """Of it."""
    inner: Inner | None
    """A group."""
    more: str
    """That nobody asks for."""


def spec(lookups: Any) -> CollectorSpec:  # noqa: ANN401 - wrong ones, too
    return CollectorSpec("post", "Parcels.", sections=(Asked, Answer), lookups=lookups)


GOOD = Lookup(Asked, ("number", "small"), Answer, ("name",))


@section("flow")
class Flow(NamedTuple):
    """A packet's flow."""

    number: U32
    """Of it."""
    version: U32
    """Of its actions."""
    rules: Annotated[str | None, recorded(U32)]
    """Told, perhaps."""


@section("flow-rules", reported=True)
class FlowRules(NamedTuple):
    """What a flow was made of."""

    number: U32
    """Of the flow."""
    version: U32
    """Of its actions."""
    rules: str
    """Of it."""


def test_lookups_on_their_page_can_be_used(shown: tuple[Block, ...]) -> None:
    (block,) = shown
    names: dict[str, Any] = {"Lookup": Lookup, "Flow": Flow, "FlowRules": FlowRules}
    exec(block.text, names)  # noqa: S102 - our own page
    refuse_bad(Owner("flows"), CollectorSpec("flows", "Flows.", sections=(Flow, FlowRules), lookups=names["LOOKUPS"]))


def test_lookups_of_fields_of_both_sections_can_be_used() -> None:
    refuse_bad(Owner("post"), spec((GOOD,)))


@pytest.mark.parametrize(
    ("lookups", "reason"),
    [
        ([GOOD], "not a tuple of Lookup"),
        (("lookup",), "not a tuple of Lookup"),
        ((Lookup(Inner, ("number",), Answer, ("name",)),), "is not among its sections"),
        ((Lookup(Asked, ("number",), Inner, ("name",)),), "is not among its sections"),
        ((Lookup(Asked, (), Answer, ("name",)),), "() is no tuple of fields"),
        ((Lookup(Asked, ("number",), Answer, "name"),), "'name' is no tuple of fields"),  # type: ignore[arg-type]
        ((Lookup(Asked, ("more",), Answer, ("name",)),), "Asked has no field more"),
        ((Lookup(Asked, ("number",), Answer, ("nothing",)),), "Asked has no field nothing"),
        ((Lookup(Asked, ("inner",), Answer, ("name",)),), "inner is not the same in Asked and in Answer"),
        ((Lookup(Asked, ("number",), Answer, ("always",)),), "always cannot be missing in Asked"),
    ],
    ids=lambda value: value.replace(" ", "_")[:30] if isinstance(value, str) else "",
)
def test_a_collector_whose_lookups_cannot_work_is_broken_and_says_why(lookups: Any, reason: str) -> None:  # noqa: ANN401
    with pytest.raises(UnusableError) as caught:
        refuse_bad(Owner("post", "tracer-post", "1.0"), spec(lookups))
    assert "collector post (tracer-post 1.0): its lookups cannot be used: " in caught.value.message
    assert reason in caught.value.message
