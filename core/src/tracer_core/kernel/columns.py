"""BTF as columns: what each type begins with, of all types of a blob at once, in 50 ms for a kernel."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from tracer_core.kernel.btf_blob import WORDS, WORDS_EACH, sections
from tracer_core.kernel.btf_types import MODIFIERS, Kind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[np.int64]

_WORDS = np.array([WORDS[kind] for kind in Kind])
_WORDS_EACH = np.array([WORDS_EACH[kind] for kind in Kind])
_SIZED = [Kind.INT, Kind.STRUCT, Kind.UNION, Kind.ENUM, Kind.FLOAT, Kind.DATASEC, Kind.ENUM64]
_VOID = np.zeros(1, np.int64)


class Parameters(NamedTuple):
    """The parameters of many prototypes, one after the other.

    Attributes:
        prototypes: Ids of the prototypes.
        positions: From 0, in each.
        types: Their types without qualifiers; 0 stands for ``...``.
    """

    prototypes: Column
    positions: Column
    types: Column


class Columns:
    """The types of vmlinux, or of a module on top of it. Columns have a value for each type id, the base's included.

    Args:
        raw: The blob, in this machine's byte order.
        base: Of vmlinux, if it is a module's.
    """

    def __init__(self, raw: bytes, *, base: Columns | None = None) -> None:
        parts = sections(raw)
        self._words: Column = np.frombuffer(parts.types, "=u4").astype(np.int64)
        self._base = base
        self.strings: bytes = (base.strings if base else b"") + parts.strings

    @cached_property
    def first(self) -> int:
        """Id of the first of the blob's own types."""
        return len(self._base.kinds) if self._base else 1

    @cached_property
    def kinds(self) -> Column:
        """What they are, :class:`~tracer_core.kernel.btf_types.Kind`."""
        own = self._words[self._starts + 1] >> 24 & 0x1F
        return np.concatenate([self._base.kinds if self._base else _VOID, own])

    @cached_property
    def refs(self) -> Column:
        """What they refer to; 0 where the word is a size instead."""
        refs = np.concatenate([self._base.refs if self._base else _VOID, self._words[self._starts + 2]])
        return np.where(np.isin(self.kinds, _SIZED), 0, refs)

    @cached_property
    def names(self) -> Column:
        """Where their names begin in the strings."""
        return np.concatenate([self._base.names if self._base else _VOID, self._words[self._starts]])

    @cached_property
    def plain(self) -> Column:
        """What is left of them without qualifiers."""
        plain = np.arange(len(self.kinds))
        while (wrapping := np.isin(self.kinds[plain], list(MODIFIERS))).any():
            plain = np.where(wrapping, self.refs[plain], plain)
        return plain

    @cached_property
    def parameters(self) -> Parameters:
        """Of the blob's own prototypes."""
        ids = self.own(Kind.FUNC_PROTO)
        starts = self._starts[ids - self.first]
        counts = self._words[starts + 1] & 0xFFFF
        positions = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        words = np.repeat(starts + WORDS[Kind.FUNC_PROTO], counts) + positions * WORDS_EACH[Kind.FUNC_PROTO]
        return Parameters(np.repeat(ids, counts), positions, self.plain[self._words[words + 1]])

    def own(self, kind: Kind) -> Column:
        """Ids of the blob's own types of a kind."""
        return np.flatnonzero(self.kinds[self.first :] == kind) + self.first

    def text(self, type_id: int) -> str:
        """Name of a type, empty if it has none."""
        start = int(self.names[type_id])
        return self.strings[start : self.strings.index(0, start)].decode()

    @cached_property
    def _starts(self) -> Column:
        """Where each of the blob's own types begins, in words."""
        infos = self._words[1:]
        kinds = np.minimum(infos >> 24 & 0x1F, len(Kind) - 1)  # words in which no type begins may say anything
        sizes = (_WORDS[kinds] + _WORDS_EACH[kinds] * (infos & 0xFFFF)).tolist()
        starts, at, end = [], 0, len(sizes)
        while at < end:  # only a type itself tells where the next one begins
            starts.append(at)
            at += sizes[at]
        return np.array(starts, np.int64)
