"""Versions of kernels, as profiles compare them: ``>4.6, <6``."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
_MOST = 2  # comparisons
_COMPARISON = re.compile(
    r"\s*(=|!=|>=|<=|>|<)\s*(\d{1,9})(?:\.(\d{1,9})(?:\.(\d{1,9})(?:-([\w.+~-]{1,64}))?)?)?\s*", re.ASCII
)
_RELEASE = re.compile(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?[-.+]?(.*)", re.ASCII)
_PIECES = re.compile(r"\d+|[A-Za-z]+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One comparison with a kernel's version.

    Attributes:
        operator: ``=``, ``!=``, ``>``, ``<``, ``>=`` or ``<=``.
        numbers: Major, minor and patch level; those that are not written are 0.
        build: What a distribution adds; compared only if there is any, as far as it is written, numbers as numbers.
    """

    operator: str
    numbers: tuple[int, int, int]
    build: str = ""

    def holds(self, release: str) -> bool:
        """Whether it holds for a kernel, by its ``uname -r``."""
        match = _RELEASE.match(release)
        major, minor, patch, rest = match.groups("0") if match else ("0", "0", "0", "")
        wanted = _pieces(self.build)
        theirs = ((int(major), int(minor), int(patch)), _pieces(rest)[: len(wanted)])
        return _OPERATORS[self.operator](theirs, (self.numbers, wanted))


def parse_comparisons(text: str) -> tuple[Comparison, ...]:
    """Parse one or two comparisons.

    Raises:
        ValueError: they are none; says why.
    """
    parts = text.split(",")
    if len(parts) > _MOST:
        raise ValueError(f"version {text!r}: at most {_MOST} comparisons")
    found = []
    for part in parts:
        match = _COMPARISON.fullmatch(part)
        if match is None:
            signs = " ".join(_OPERATORS)
            raise ValueError(f"version {part.strip()!r}: not one of {signs} and MAJOR[.MINOR[.PATCH[-BUILD]]]")
        sign, major, minor, patch, build = match.groups("")
        found.append(Comparison(sign, (int(major), int(minor or 0), int(patch or 0)), build))
    return tuple(found)


def _pieces(build: str) -> list[tuple[int, int, str]]:
    """For comparing: runs of digits and of letters, letters first."""
    return [(1, int(piece), "") if piece.isdecimal() else (0, 0, piece) for piece in _PIECES.findall(build)]
