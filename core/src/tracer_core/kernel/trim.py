"""BTF cut down to what is asked for.

The structs asked for are kept whole with all they hold by value; structs that are reached only by
pointer become forward declarations. Qualifiers and type tags are dropped. The order of the types is
kept, so "the first of a name" stays the same.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.kernel.btf_blob import sections
from tracer_core.kernel.btf_types import BtfType, Kind
from tracer_core.kernel.encode import encode

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.kernel.btf import Btf

_AGGREGATES = (Kind.STRUCT, Kind.UNION)


class Trim:
    """Types to be kept of one BTF.

    Args:
        btf: What to cut down.
        base: For split BTF, the cut of what it stands on; it learns here what is needed of it.
    """

    def __init__(self, btf: Btf, base: Trim | None = None) -> None:
        self._btf = btf
        self._base = base
        self._first = base.source.count if base else 1
        self._kept: set[int] = set()
        self._whole: set[int] = set()
        self._ids: dict[int, int] | None = None

    @property
    def source(self) -> Btf:
        """The BTF that is cut down."""
        return self._btf

    def keep(self, type_id: int) -> None:
        """Keep a type, a struct or union as a whole, and all that it needs.

        Raises:
            RuntimeError: the cut has been encoded.
        """
        todo = [(type_id, True)]
        seen: set[tuple[int, bool]] = set()
        while todo:
            step = todo.pop()
            if step in seen:
                continue
            seen.add(step)
            found = self._btf.resolve(step[0], typedefs=False)
            # without a name there is no forward declaration
            by_value = step[1] or (found.kind in _AGGREGATES and not found.name)
            if self._note(found.id, whole=by_value and found.kind in _AGGREGATES):
                todo.extend(_needs(found, by_value=by_value))

    def encode(self) -> bytes:
        """Write what is kept. Of split BTF, what it stands on must be complete."""
        base = self._base.encode() if self._base else b""
        return encode(self._types(), base_strings=sections(base).strings)

    def new_id(self, old: int) -> int:
        """Id of a kept type in the cut."""
        old = self._btf.resolve(old, typedefs=False).id if old else 0
        if old < self._first:
            return self._base.new_id(old) if self._base else 0
        if self._ids is None:
            first = self._base.end if self._base else 1
            self._ids = {kept: first + place for place, kept in enumerate(sorted(self._kept))}
        return self._ids[old]

    @property
    def end(self) -> int:
        """The first id after those of the cut."""
        return (self._base.end if self._base else 1) + len(self._kept)

    def _note(self, type_id: int, *, whole: bool) -> bool:
        # whether this is news, and what the type refers to must be visited
        if type_id < self._first:
            return self._base._note(type_id, whole=whole) if self._base else False  # noqa: SLF001 - ours
        if self._ids is not None:
            raise RuntimeError("cannot keep more types of a cut that has been encoded")
        news = type_id not in self._kept or (whole and type_id not in self._whole)
        self._kept.add(type_id)
        if whole:
            self._whole.add(type_id)
        return news

    def _types(self) -> Iterator[BtfType]:
        for type_id in sorted(self._kept):
            found = self._btf.type(type_id)
            if found.kind in _AGGREGATES and type_id not in self._whole:
                yield BtfType(0, Kind.FWD, found.name, is_union=found.kind is Kind.UNION)
            else:
                yield replace(
                    found,
                    ref=self.new_id(found.ref),
                    index=self.new_id(found.index),
                    members=tuple(replace(member, type_id=self.new_id(member.type_id)) for member in found.members),
                    params=tuple((name, self.new_id(param)) for name, param in found.params),
                )


def _needs(found: BtfType, *, by_value: bool) -> Iterator[tuple[int, bool]]:
    """Ids that a type refers to, and whether it needs them whole."""
    if found.kind in _AGGREGATES:
        if by_value:
            yield from ((member.type_id, True) for member in found.members)
    elif found.kind in (Kind.ARRAY, Kind.TYPEDEF):
        yield found.ref, by_value
        yield found.index, False
    else:
        yield found.ref, False
        yield from ((param, False) for _, param in found.params)
