"""Composed programs, compiled for a moment."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from tracer_core.backend.compiler import Compiler

if TYPE_CHECKING:
    from tracer_core.compose.composition import Composition


class Outcome(NamedTuple):
    """What compiling gave: instructions by function, and names of the maps, which are gone again."""

    code: dict[str, bytes]
    maps: set[str]


def compiled(composition: Composition) -> Outcome:
    """Compile all that is to be loaded.

    Raises:
        CompileError: the text is refused.
    """
    functions = [function for spec in composition.programs for function in spec.functions]
    with Compiler() as compiler:
        made = compiler.compile(composition.text, functions)
    for fd in made.maps.values():
        os.close(fd)
    assert set(made.code) == set(functions)
    return Outcome(made.code, set(made.maps))
