"""The metadata filters of a command line, without negations: what is not wanted is the opposite of each comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tracer_core.filters.metadata.parse import parse
from tracer_core.filters.metadata.syntax import And, Comparison, Not, Or

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.filters.metadata.syntax import Expression, Filter


@dataclass(frozen=True, slots=True)
class MetadataFilter:
    """What packets, and other things that probes are given, must be like: all of the filters.

    Attributes:
        filters: In the order given; their expressions have no :class:`Not`.
    """

    filters: tuple[Filter, ...]

    @property
    def comparisons(self) -> Iterator[tuple[Filter, Comparison]]:
        """All of them, each with its filter."""
        return ((each, comparison) for each in self.filters for comparison in comparisons(each.expression))

    @property
    def roots(self) -> tuple[str, ...]:
        """Names that the filters begin ways with, each once."""
        return tuple(dict.fromkeys(comparison.steps[0].name for _, comparison in self.comparisons))


def metadata_filter(texts: Iterable[str]) -> MetadataFilter:
    """Parse filters: all of them must hold.

    Raises:
        UsageError: one is no filter.
    """
    parsed = map(parse, texts)
    return MetadataFilter(tuple(replace(each, expression=positive(each.expression)) for each in parsed))


def positive(expression: Expression, *, negated: bool = False) -> Expression:
    """The same, or its opposite, without negations: De Morgan's laws."""
    match expression:
        case Comparison():
            return replace(expression, operator=expression.operator.opposite) if negated else expression
        case Not(of):
            return positive(of, negated=not negated)
        case And(parts) | Or(parts):
            found = tuple(positive(part, negated=negated) for part in parts)
            return And(found) if isinstance(expression, And) is not negated else Or(found)


def comparisons(expression: Expression) -> Iterator[Comparison]:
    """Those of an expression, from left to right."""
    match expression:
        case Comparison():
            yield expression
        case Not(of):
            yield from comparisons(of)
        case And(parts) | Or(parts):
            for part in parts:
                yield from comparisons(part)
