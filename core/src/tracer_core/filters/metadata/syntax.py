"""What a metadata filter says, as values: nothing is known yet of the names in it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Operator(StrEnum):
    """How a value is compared."""

    EQ = "=="
    NE = "!="
    GE = ">="
    LE = "<="
    GT = ">"
    LT = "<"

    @property
    def opposite(self) -> Operator:
        """The one that holds wherever this one does not."""
        return _OPPOSITES[self]


_OPPOSITES = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.GE: Operator.LT,
    Operator.LT: Operator.GE,
    Operator.LE: Operator.GT,
    Operator.GT: Operator.LE,
}


@dataclass(frozen=True, slots=True)
class Step:
    """A name on the way to a value: ``skb``, ``_nfct:~0x7:nf_conn``, ``cb[3]``.

    Attributes:
        name: Of a root or a member.
        at: Where it stands in the text.
        indexes: Of elements of an array, the outermost first.
        mask: ANDed with what is there, 64 bits; nothing if none is given.
        cast: Name of the type that what is there points at; empty if its own will do.
    """

    name: str
    at: int
    indexes: tuple[int, ...] = ()
    mask: int | None = None
    cast: str = ""


@dataclass(frozen=True, slots=True)
class Number:
    """A number.

    Attributes:
        value: Of any size; negative with a sign.
    """

    value: int


@dataclass(frozen=True, slots=True)
class Text:
    """A string.

    Attributes:
        value: Its bytes, without a NUL.
    """

    value: bytes


@dataclass(frozen=True, slots=True)
class Name:
    """An enumerator.

    Attributes:
        value: Its name.
    """

    value: str


@dataclass(frozen=True, slots=True)
class Address:
    """An address of a network or link layer.

    Attributes:
        value: Its bytes, as in packets.
        prefix: How many bits of it count, from the first.
    """

    value: bytes
    prefix: int


Value = Number | Text | Name | Address


@dataclass(frozen=True, slots=True)
class Comparison:
    """A value that is compared with another.

    Attributes:
        steps: From the root to the value.
        operator: How.
        value: With what; ``!= 0`` if the text does not say.
        value_at: Where that stands in the text.
    """

    steps: tuple[Step, ...]
    operator: Operator = Operator.NE
    value: Value = Number(0)
    value_at: int = 0


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Expression


@dataclass(frozen=True, slots=True)
class And:
    """All of several."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """One of several."""

    parts: tuple[Expression, ...]


Expression = Comparison | Not | And | Or


@dataclass(frozen=True, slots=True)
class Filter:
    """A whole filter.

    Attributes:
        text: As it was given.
        expression: What it says.
    """

    text: str
    expression: Expression
