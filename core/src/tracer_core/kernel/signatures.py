"""Functions and tracepoints by the C types of what they are passed: of a whole kernel at once, in 0.1 s.

Decoding every prototype takes seconds. So types are compared as numbers, and only the few that may be those asked for
are written as C.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from tracer_core.kernel.btf_types import TRACEPOINT, VOID, Kind
from tracer_core.kernel.columns import Columns
from tracer_core.kernel.ctype import c_type

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from tracer_core.kernel.btf import Btf

    Column = NDArray[np.int64]

_NAME = re.compile(r"(\w*)[ *]*\Z")  # of the type that a declarator of pointers is about; none for arrays, functions


class Signatures:
    """What the functions and tracepoints of one BTF blob are passed.

    Args:
        btf: Of vmlinux or a module.
        base: Of vmlinux, if it is a module's.
    """

    def __init__(self, btf: Btf, *, base: Signatures | None = None) -> None:
        self._btf = btf
        self._base = base
        self.columns: Columns = Columns(btf.raw, base=base.columns if base else None)
        self._found: dict[tuple[str, int], Column] = {}

    def names(self) -> frozenset[str]:
        """Names of all functions, without the base's."""
        return frozenset(map(self.columns.text, self.columns.own(Kind.FUNC).tolist()))

    def functions(self, c_types: Iterable[str]) -> dict[str, dict[str, int]]:
        """Functions that take at least one of these types, without the base's; of several of a name, the first counts.

        Args:
            c_types: As :func:`~tracer_core.kernel.ctype.c_type` writes them.

        Returns:
            For each, in no order, the position of the first parameter of each type that it takes.
        """
        ids = self._first_of_names(self.columns.own(Kind.FUNC))
        return self._taking(ids, self.columns.refs[ids], c_types, 0)

    def tracepoints(self, c_types: Iterable[str]) -> dict[str, dict[str, int]]:
        """The same for tracepoints, by their bare names; ``void *__data`` does not count."""
        columns = self.columns
        typedefs = columns.own(Kind.TYPEDEF).tolist()
        named = [type_id for type_id in typedefs if columns.text(type_id).startswith(TRACEPOINT)]
        ids = self._first_of_names(np.array(named, np.int64))
        pointers = columns.plain[columns.refs[ids]]
        found = self._taking(ids, columns.plain[columns.refs[pointers]], c_types, 1)
        return {
            name.removeprefix(TRACEPOINT): {text: at - 1 for text, at in positions.items()}
            for name, positions in found.items()
        }

    def positions(self, text: str, skipped: int) -> Column:
        """By type id: if it is a prototype, where its first parameter of a type is, -1 if it has none.

        Args:
            text: The type.
            skipped: Parameters at the beginning that do not count.
        """
        key = text, skipped
        if key not in self._found:
            prototypes, positions, types = self.columns.parameters
            matching = np.isin(types, self._written(text)) & (positions >= skipped)
            backwards = np.flatnonzero(matching)[::-1]  # of several, the first one is written last
            result = np.full(len(self.columns.kinds), -1)
            if self._base:
                result[: self.columns.first] = self._base.positions(text, skipped)
            result[prototypes[backwards]] = positions[backwards]
            self._found[key] = result
        return self._found[key]

    def _taking(
        self, ids: Column, prototypes: Column, c_types: Iterable[str], skipped: int
    ) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for text in c_types:
            positions = self.positions(text, skipped)[prototypes]
            taking = positions >= 0
            for type_id, position in zip(ids[taking].tolist(), positions[taking].tolist(), strict=True):
                found.setdefault(self.columns.text(type_id), {})[text] = position
        return found

    def _written(self, text: str) -> list[int]:
        """Types of parameters that are written like that."""
        columns = self.columns
        match = _NAME.search(text)
        name = match[1] if match else ""
        types = np.unique(columns.parameters.types)
        bases = types
        while (pointers := columns.kinds[bases] == Kind.PTR).any():
            bases = np.where(pointers, columns.plain[columns.refs[bases]], bases)
        fitting = [base for base in np.unique(bases).tolist() if (columns.text(base) if base else VOID.name) == name]
        candidates = types[np.isin(bases, fitting)].tolist()
        return [type_id for type_id in candidates if type_id and c_type(self._btf, type_id) == text]

    def _first_of_names(self, ids: Column) -> Column:
        _, firsts = np.unique(self.columns.names[ids], return_index=True)
        return ids[firsts]
