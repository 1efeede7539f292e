"""What a metadata filter asks at a place: its roots are looked for among what is passed there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.filters.metadata.condition import (
    NEVER,
    All,
    Any,
    Argument,
    Check,
    Result,
    Typed,
    asks_result,
    checks,
    joined,
)
from tracer_core.filters.metadata.parse import parse
from tracer_core.filters.metadata.syntax import And, Comparison, Not, Or
from tracer_core.filters.metadata.trouble import near, trouble
from tracer_core.filters.metadata.typing import ENUMS, written
from tracer_core.filters.metadata.values import test_of
from tracer_core.filters.metadata.walk import Walker, Way
from tracer_core.kernel.btf_types import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from tracer_core.filters.metadata.condition import Condition, Root
    from tracer_core.filters.metadata.syntax import Expression, Filter
    from tracer_core.filters.metadata.typing import Types, Typing
    from tracer_core.kernel.view import Prototype

RESULT = "retval"
"""The root that is what a function returned."""

_MAX_RESULT_CHECKS = 60  # comparisons of a filter on results, whose outcomes are kept as bits of a word
_READABLE = (Kind.STRUCT, Kind.INT, Kind.VOID)  # what arguments that verifiers let programs have point at


@dataclass(frozen=True, slots=True)
class MetadataFilter:
    """What packets, and other things that probes are given, must be like: all of the filters.

    Attributes:
        filters: In the order given.
    """

    filters: tuple[Filter, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """Names that the filters begin ways with, each once."""
        return tuple(dict.fromkeys(c.steps[0].name for each in self.filters for c in _comparisons(each.expression)))


def metadata_filter(texts: Iterable[str]) -> MetadataFilter:
    """Parse filters: all of them must hold.

    Raises:
        UsageError: one is no filter.
    """
    return MetadataFilter(tuple(map(parse, texts)))


@dataclass(frozen=True, slots=True)
class Passed:
    """What is at hand at a place.

    Attributes:
        prototype: Of what is probed.
        types: C types of which an argument or a getter's result is known there.
        registers: So many of the arguments can be had.
        returns: The result can be had.
    """

    prototype: Prototype
    types: Collection[str]
    registers: int
    returns: bool


class Placer:
    """Finds out what a filter asks at places, and what it never finds.

    Args:
        wanted: The filter.
        types: Of the kernel.
    """

    def __init__(self, wanted: MetadataFilter, types: Types) -> None:
        self._wanted = wanted
        self._types = types
        self._found: set[str] = set()
        self._seen: set[str] = set()

    @cached_property
    def c_types(self) -> tuple[str, ...]:
        """C types of arguments that roots are names of, as far as the kernel has them."""
        return tuple(c_type for root in self._wanted.roots for c_type in self._candidates(root))

    def at(self, passed: Passed, *, tolerant: bool) -> Condition:
        """What is asked at a place. Comparisons whose root is not there are not true.

        Args:
            passed: What is there.
            tolerant: If the filter does not fit what an argument of that name is, it is as if there were none.

        Raises:
            UsageError: the filter does not fit what is there.
        """
        found = joined(
            All, tuple(self._place(each, each.expression, passed, tolerant) for each in self._wanted.filters)
        )
        if asks_result(found) and len(set(checks(found))) > _MAX_RESULT_CHECKS:
            first = self._wanted.filters[0]
            raise trouble(first.text, 0, f"a filter on {RESULT} has at most {_MAX_RESULT_CHECKS} comparisons")
        return found

    def finish(self) -> None:
        """Say so if a root was nowhere.

        Raises:
            UsageError: one was nowhere.
        """
        for each in self._wanted.filters:
            for comparison in _comparisons(each.expression):
                step = comparison.steps[0]
                if step.name not in self._found:
                    raise self._nowhere(each, comparison)

    def _nowhere(self, each: Filter, comparison: Comparison) -> Exception:
        step = comparison.steps[0]
        for c_type in self._candidates(step.name):  # what is wrong behind it is worth more
            if (found := written(self._types, c_type)) is not None:
                self._check(each, comparison, False, Typed(c_type), found)
        if step.name == RESULT:
            what = "no probe is at a return that gives a value"
            return trouble(each.text, step.at, what, hint="probe one with kretprobe: or fexit:")
        what = f"no probe has an argument of type or name {step.name}"
        return trouble(each.text, step.at, what, hint=near(step.name, self._seen) or "choose another probe with -p")

    def _candidates(self, root: str) -> Iterator[str]:
        if self._types.find(root, Kind.STRUCT):
            yield f"struct {root} *"
        if self._types.find(root, Kind.UNION):
            yield f"union {root} *"
        if self._types.find(root, *ENUMS):
            yield f"enum {root}"

    def _place(
        self, each: Filter, expression: Expression, passed: Passed, tolerant: bool, negated: bool = False
    ) -> Condition:
        match expression:
            case Comparison():
                return self._compared(each, expression, passed, tolerant, negated)
            case Not(of):
                return self._place(each, of, passed, tolerant, not negated)
            case And(parts) | Or(parts):
                placed = tuple(self._place(each, part, passed, tolerant, negated) for part in parts)
                return joined(All if isinstance(expression, And) is not negated else Any, placed)

    def _compared(
        self, each: Filter, comparison: Comparison, passed: Passed, tolerant: bool, negated: bool
    ) -> Condition:
        root = self._root(comparison.steps[0].name, passed)
        if root is None:
            return NEVER
        try:
            check = self._check(each, comparison, negated, *root)
        except Exception:
            if tolerant and not isinstance(root[0], Typed):
                return NEVER
            raise
        self._found.add(comparison.steps[0].name)
        return check

    def _check(self, each: Filter, comparison: Comparison, negated: bool, root: Root, found: Typing) -> Check:
        way = Walker(each.text, self._types).walk(Way(found, plain=not isinstance(root, Result)), comparison.steps)
        operator = comparison.operator.opposite if negated else comparison.operator
        test, hops = test_of(each.text, way, comparison, operator)
        mask = comparison.steps[0].mask if len(comparison.steps) > 1 else None
        return Check(root, mask, hops, test)

    def _root(self, name: str, passed: Passed) -> tuple[Root, Typing] | None:
        """What a name is at a place: a type comes before an argument's name."""
        for c_type in self._candidates(name):
            if c_type in passed.types and (found := written(self._types, c_type)):
                return Typed(c_type), found
        params = passed.prototype.params[: passed.registers]
        self._seen.update(word for param in params for word in (param.name, _tag(param.type)) if word)
        for position, param in enumerate(params):
            if param.name == name and (found := self._readable(param.type)):
                return Argument(position), found
        if name == RESULT and passed.returns and (found := self._readable(passed.prototype.returns)):
            return Result(), found
        return None

    def _readable(self, c_type: str) -> Typing | None:
        found = written(self._types, c_type)
        if found is None:
            return None
        if found.pointers:
            return found if found.pointers == 1 and found.target.kind in _READABLE else None
        return found if found.kind in (Kind.INT, *ENUMS) else None


def _tag(c_type: str) -> str:
    """The name by which a type is a root."""
    match = re.fullmatch(r"(?:struct|union) (\w+) \*|enum (\w+)", c_type)
    return (match[1] or match[2]) if match else ""


def _comparisons(expression: Expression) -> Iterator[Comparison]:
    match expression:
        case Comparison():
            yield expression
        case Not(of):
            yield from _comparisons(of)
        case And(parts) | Or(parts):
            for part in parts:
                yield from _comparisons(part)
