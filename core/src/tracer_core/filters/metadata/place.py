"""What a metadata filter asks at a place: the names in it become offsets and constants."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.errors import UsageError, near
from tracer_core.filters.metadata.condition import NEVER, All, Any, Check, Result, Typed, asks_result, checks, joined
from tracer_core.filters.metadata.roots import RESULT, Roots
from tracer_core.filters.metadata.syntax import And, Comparison, Not, Or
from tracer_core.filters.metadata.trouble import trouble
from tracer_core.filters.metadata.values import test_of
from tracer_core.filters.metadata.walk import Walker, Way
from tracer_core.filters.metadata.wanted import positive

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.filters.metadata.condition import Condition, Root
    from tracer_core.filters.metadata.roots import Passed
    from tracer_core.filters.metadata.syntax import Expression
    from tracer_core.filters.metadata.typing import Types, Typing
    from tracer_core.filters.metadata.wanted import MetadataFilter

_MAX_RESULT_CHECKS = 60  # comparisons of a filter on results, whose outcomes are kept as bits of a word


class Placer:
    """Finds out what a filter asks at places, and which of its roots are at none.

    Args:
        wanted: The filter.
        types: Of the kernel.
    """

    def __init__(self, wanted: MetadataFilter, types: Types) -> None:
        self._wanted = wanted
        self._types = types
        self._roots = Roots(types)
        self._found: set[str] = set()

    @cached_property
    def c_types(self) -> tuple[str, ...]:
        """C types of arguments that roots are names of, as far as the kernel has them."""
        return tuple(typed.c_type for name in self._wanted.roots for typed, _ in self._roots.typed(name))

    def at(self, passed: Passed, *, tolerant: bool) -> Condition:
        """What is asked at a place. Comparisons whose root is not there are not true.

        Args:
            passed: What is there.
            tolerant: If the filter does not fit what an argument of that name is, it is as if there were none.

        Raises:
            UsageError: the filter does not fit what is there.
        """
        parts = []
        for each in self._wanted.filters:

            def compared(comparison: Comparison, text: str = each.text) -> Condition:
                return self._compared(text, comparison, passed, tolerant=tolerant)

            parts.append(_placed(each.expression, compared))
        found = joined(All, tuple(parts))
        if asks_result(found) and len(set(checks(found))) > _MAX_RESULT_CHECKS:
            what = f"a filter on {RESULT} has at most {_MAX_RESULT_CHECKS} comparisons"
            raise trouble(self._wanted.filters[0].text, 0, what)
        return found

    def finish(self) -> None:
        """Say so if a root was at no place.

        Raises:
            UsageError: one was at none.
        """
        for each, comparison in self._wanted.comparisons:
            if comparison.steps[0].name not in self._found:
                raise self._nowhere(each.text, comparison)

    def _nowhere(self, text: str, comparison: Comparison) -> UsageError:
        step = comparison.steps[0]
        for root, found in self._roots.typed(step.name):  # what is wrong behind it is worth more
            self._check(text, comparison, root, found)
        if step.name == RESULT:
            what = "no probe is at a return that gives a value"
            return trouble(text, step.at, what, hint="probe one with kretprobe: or fexit:")
        hint = near(step.name, self._roots.seen) or "choose another probe with -p"
        return trouble(text, step.at, f"no probe has an argument of type or name {step.name}", hint=hint)

    def _compared(self, text: str, comparison: Comparison, passed: Passed, *, tolerant: bool) -> Condition:
        name = comparison.steps[0].name
        found = self._roots.find(name, passed)
        if found is None:
            return NEVER
        try:
            check = self._check(text, comparison, *found)
        except UsageError:
            if tolerant and not isinstance(found[0], Typed):
                return NEVER
            raise
        self._found.add(name)
        return check

    def _check(self, text: str, comparison: Comparison, root: Root, found: Typing) -> Check:
        way = Walker(text, self._types).walk(Way(found, plain=not isinstance(root, Result)), comparison.steps)
        test, hops = test_of(text, way, comparison)
        mask = comparison.steps[0].mask if len(comparison.steps) > 1 else None
        return Check(root, mask, hops, test)


def _placed(expression: Expression, compared: Callable[[Comparison], Condition]) -> Condition:
    match expression:
        case Comparison():
            return compared(expression)
        case Not(of):
            return _placed(positive(of, negated=True), compared)
        case And(parts) | Or(parts):
            placed = tuple(_placed(part, compared) for part in parts)
            return joined(All if isinstance(expression, And) else Any, placed)
