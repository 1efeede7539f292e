"""What collectors declare of how their events are put together, and what is refused of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, cast

import pytest

from tracer_core.api import U32, U64, Blob, Chars, CollectorSpec, Join, JoinRole, section
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.joins import joins_of
from tracer_core.plugins.validate import UnusableError, refuse_bad

if TYPE_CHECKING:
    from collections.abc import Sequence


class Sender(NamedTuple):
    """Who sent it."""

    number: U64
    """Of the sender."""


@section("parcel")
class Parcel(NamedTuple):
    """Has a field of every kind."""

    weight: U32
    """Grams."""
    label: Annotated[bytes, Chars(8)]
    """On it."""
    size: U32
    """Bytes."""
    content: Annotated[bytes, Blob(64, "size")]
    """In it."""
    sender: Sender | None
    """If it is known."""


@section("other")
class Other(NamedTuple):
    """A section of somebody else."""

    weight: U32
    """Grams."""


def spec(joins: Any) -> CollectorSpec:  # noqa: ANN401 - wrong ones, too
    return CollectorSpec("post", "Parcels.", sections=(Parcel,), joins=joins)


def join(role: Any, *key: str, space: Any = "parcel", cls: type[Any] = Parcel) -> Join:  # noqa: ANN401 - wrong ones, too
    return Join(cls, space, key, role)


OPEN = join(JoinRole.OPEN, "weight", "sender.number")


def test_joins_of_fields_of_sections_groups_and_headers_can_be_used() -> None:
    good = (
        OPEN,
        join(JoinRole.JOIN, "header.cpu", "header.timestamp"),
        join(JoinRole.CLOSE, "sender.number", "header.pid"),
        join(JoinRole.OPEN, "label", space="label"),
        join(JoinRole.ADOPT, "label", space="label"),
        replace(join(JoinRole.CLOSE, "label", space="label"), when=("weight", 5)),
    )
    refuse_bad(Owner("post"), spec(good))
    assert [one.space for one in joins_of(spec(good))] == ["post.parcel"] * 3 + ["post.label"] * 3


@pytest.mark.parametrize(
    ("joins", "reason"),
    [
        ([OPEN], "not a tuple of Join"),
        ((OPEN, "join"), "not a tuple of Join"),
        ((join("open", "weight"),), "parcel: 'open' is no JoinRole"),
        ((join(JoinRole.OPEN, "weight", space=""),), "'' is no name of a key space"),
        ((join(JoinRole.OPEN, "weight", space="a b"),), "'a b' is no name of a key space"),
        ((join(JoinRole.OPEN, "weight", space="x" * 60),), "is no name of a key space"),
        ((join(JoinRole.OPEN, "weight", cls=Other),), "is not among its sections"),
        ((join(JoinRole.OPEN, "weight", cls=Sender),), "is not among its sections"),
        ((join(JoinRole.OPEN),), "its key is (), not a tuple of paths of fields"),
        ((Join(Parcel, "parcel", "weight", JoinRole.OPEN),), "its key is 'weight', not a tuple"),  # type: ignore[arg-type]
        ((join(JoinRole.OPEN, "height"),), "height: section parcel has no field height"),
        ((join(JoinRole.OPEN, "sender.name"),), "sender.name: section parcel.sender has no field name"),
        ((join(JoinRole.OPEN, "owner.number"),), "owner.number: section parcel has no group owner"),
        ((join(JoinRole.OPEN, "weight.number"),), "weight.number: section parcel has no group weight"),
        ((join(JoinRole.OPEN, "sender"),), "sender is no part of a key"),
        ((join(JoinRole.OPEN, "content"),), "content is no part of a key"),
        ((join(JoinRole.OPEN, "header.lost"),), "header.lost is no part of a key: of the header, timestamp, cpu"),
        ((OPEN,), "nothing joins by a key of parcel"),
        ((OPEN, join(JoinRole.CLOSE, "weight", "sender.number")), "nothing joins by a key of parcel"),
        ((join(JoinRole.JOIN, "weight"),), "nothing opens a key of parcel"),
        ((OPEN, join(JoinRole.JOIN, "weight")), "keys weight, sender.number and weight can never be equal"),
        ((OPEN, join(JoinRole.JOIN, "weight", "label")), "can never be equal"),
        ((replace(OPEN, when=cast("Any", "weight")),), "'weight' is no field and its value"),
        ((replace(OPEN, when=("height", 5)),), "height: section parcel has no field height"),
        ((replace(OPEN, when=("weight", "heavy")),), "weight can never be 'heavy'"),
        ((replace(OPEN, when=("content", 5)),), "content can never be 5"),
    ],
    ids=lambda value: value.replace(" ", "_")[:30] if isinstance(value, str) else "",
)
def test_a_collector_whose_joins_cannot_work_is_broken_and_says_why(joins: Sequence[Join], reason: str) -> None:
    with pytest.raises(UnusableError) as caught:
        refuse_bad(Owner("post", "tracer-post", "1.0"), spec(joins))
    assert "collector post (tracer-post 1.0): its joins cannot be used: " in caught.value.message
    assert reason in caught.value.message
    assert caught.value.hint == "update or remove it: pip uninstall tracer-post"
