"""What a metadata filter asks at one place: the names of its text have become offsets, sizes and constants.

Only what can be read counts: a comparison with what cannot is not true, and neither is its opposite. So negations are
not here: they have become the opposite comparisons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.filters.metadata.syntax import Operator


@dataclass(frozen=True, slots=True)
class Typed:
    """The argument of a C type, whichever it is, or what a getter found.

    Attributes:
        c_type: As collectors name it: ``struct sk_buff *``.
    """

    c_type: str


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument by its position.

    Attributes:
        position: From 0.
    """

    position: int


@dataclass(frozen=True, slots=True)
class Result:
    """What the function returned."""


Root = Typed | Argument | Result


@dataclass(frozen=True, slots=True)
class Hop:
    """A pointer that is followed.

    Attributes:
        offset: Bytes from where the last one pointed.
        mask: ANDed with it; nothing if all of its bits count.
        plain: It may be loaded plainly where programs may do so.
    """

    offset: int
    mask: int | None
    plain: bool


@dataclass(frozen=True, slots=True)
class Scalar:
    """A number in memory, or the root itself.

    Attributes:
        offset: Bytes from where the last pointer points; nothing if it is the root.
        size: Bytes to read.
        shift: Bits of those below it.
        bits: Bits it has.
        signed: The highest is the sign.
        plain: As of :class:`Hop`.
    """

    offset: int | None
    size: int
    shift: int
    bits: int
    signed: bool
    plain: bool


@dataclass(frozen=True, slots=True)
class Memory:
    """Bytes in memory.

    Attributes:
        offset: From where the last pointer points.
        terminated: They are read up to a NUL, and what lies behind may not be there.
    """

    offset: int
    terminated: bool


@dataclass(frozen=True, slots=True)
class NumberTest:
    """A comparison of numbers.

    Attributes:
        of: What is compared.
        mask: ANDed with it before; nothing if all of its bits count.
        operator: How.
        value: With what.
    """

    of: Scalar
    mask: int | None
    operator: Operator
    value: int


@dataclass(frozen=True, slots=True)
class BytesTest:
    """A comparison of bytes.

    Attributes:
        of: What is compared.
        expected: With what, of the same length.
        mask: ANDed with both before; empty if all bits count.
        equal: They must be equal; otherwise they must not.
    """

    of: Memory
    expected: bytes
    mask: bytes
    equal: bool


@dataclass(frozen=True, slots=True)
class Check:
    """One comparison.

    Attributes:
        root: Where the way to the value begins.
        root_mask: ANDed with it.
        hops: Pointers to follow.
        test: What is asked of what is there.
    """

    root: Root
    root_mask: int | None
    hops: tuple[Hop, ...]
    test: NumberTest | BytesTest


@dataclass(frozen=True, slots=True)
class All:
    """All of several; of none: always."""

    parts: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True)
class Any:
    """One of several; of none: never."""

    parts: tuple[Condition, ...] = ()


Condition = Check | All | Any

ALWAYS = All()
NEVER = Any()


def joined(cls: type[All | Any], parts: tuple[Condition, ...]) -> Condition:
    """All or any of several, without those that are certain."""
    certain, decisive = (ALWAYS, NEVER) if cls is All else (NEVER, ALWAYS)
    left = tuple(part for part in parts if part != certain)
    if decisive in left:
        return decisive
    return left[0] if len(left) == 1 else cls(left)


def checks(condition: Condition) -> Iterator[Check]:
    """The comparisons of a condition, from left to right."""
    if isinstance(condition, Check):
        yield condition
    else:
        for part in condition.parts:
            yield from checks(part)


def asks_result(condition: Condition) -> bool:
    """Whether it cannot be decided before the function has returned."""
    return any(isinstance(check.root, Result) for check in checks(condition))


def typed_roots(condition: Condition) -> set[str]:
    """C types of which it needs the argument."""
    return {check.root.c_type for check in checks(condition) if isinstance(check.root, Typed)}
