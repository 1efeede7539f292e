"""What the first name of a way is at a place: an argument, by the name of its type or by its own, or a result."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.filters.metadata.condition import Argument, Result, Typed
from tracer_core.filters.metadata.typing import ENUMS, written
from tracer_core.kernel.btf_types import Kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from tracer_core.filters.metadata.condition import Root
    from tracer_core.filters.metadata.typing import Types, Typing
    from tracer_core.kernel.view import Prototype

RESULT = "retval"
"""The root that is what a function returned."""

_READABLE = (Kind.STRUCT, Kind.INT, Kind.VOID)  # what arguments that verifiers let programs have point at


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


class Roots:
    """Finds what the first names of ways stand for.

    Args:
        types: Of the kernel.

    Attributes:
        seen: Names that roots could have had.
    """

    def __init__(self, types: Types) -> None:
        self._types = types
        self.seen: set[str] = set()

    def typed(self, name: str) -> Iterator[tuple[Typed, Typing]]:
        """What the name stands for as that of a type, wherever there is such an argument."""
        candidates = ((f"struct {name} *", Kind.STRUCT), (f"union {name} *", Kind.UNION), (f"enum {name}", *ENUMS))
        for c_type, *kinds in candidates:
            if self._types.find(name, *kinds) and (found := written(self._types, c_type)):
                yield Typed(c_type), found

    def find(self, name: str, passed: Passed) -> tuple[Root, Typing] | None:
        """What it is at a place, and of which type: types come before the names of arguments. Nothing if it is none."""
        params = passed.prototype.params[: passed.registers]
        self.seen.update(word for param in params for word in (param.name, _tag(param.type)) if word)
        for root, found in self.typed(name):
            if root.c_type in passed.types:
                return root, found
        for position, param in enumerate(params):
            if param.name == name and (argument := self._readable(param.type)):
                return Argument(position), argument
        if name == RESULT and passed.returns and (result := self._readable(passed.prototype.returns)):
            return Result(), result
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
