"""BTF as Python values: types by name or id, decoded one at a time, on demand.

libbpf loads the blob (ten milliseconds for a kernel) and finds types by name with a scan (half a
millisecond); whoever looks up many names of a kind gets an index, built once (90 ms for a kernel's
functions). Nothing here knows what the types are for.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections import Counter
from functools import cached_property
from typing import TYPE_CHECKING

from tracer_core.errors import MachineError
from tracer_core.kernel.btf_blob import WORDS, WORDS_EACH, sections
from tracer_core.kernel.btf_decode import decode
from tracer_core.kernel.btf_types import MODIFIERS, VOID, BtfMember, BtfType, Kind
from tracer_core.libbpf import library

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


_SCANS = 64  # look-ups of a kind before an index of it is cheaper than one more scan


class Btf:
    """Type information of vmlinux, or of a module on top of it (split BTF).

    Args:
        handle: ``struct btf *`` of libbpf, freed with this object.
        base: For split BTF, what it stands on.
    """

    def __init__(self, handle: int, *, base: Btf | None = None) -> None:
        self._lib = library()
        self.handle = handle
        self.base = base  # keeps the base alive as long as the split BTF points into it
        self._types: dict[int, BtfType] = {}
        self._scans: Counter[Kind] = Counter()
        self._indexes: dict[Kind, dict[str, int]] = {}

    @classmethod
    def load(cls, path: Path) -> Btf:
        """Read BTF from a raw file (``/sys/kernel/btf/*``) or an ELF file with a ``.BTF`` section.

        Raises:
            MachineError: the file is missing, unreadable or not BTF.
        """
        handle = library().btf__parse_split(os.fsencode(path), None)
        return cls(_checked(handle, f"cannot read BTF from {path}"))

    @classmethod
    def from_bytes(cls, data: bytes, *, base: Btf | None = None, origin: str = "memory") -> Btf:
        """Read BTF from memory.

        Args:
            data: The blob.
            base: What it stands on, if it is split BTF.
            origin: What to call it in messages.

        Raises:
            MachineError: the bytes are not BTF, or do not fit the base.
        """
        # libbpf 1.1 reads split BTF from files only, so memory is lent a name
        with os.fdopen(os.memfd_create("btf"), "wb") as memory:
            memory.write(data)
            memory.flush()
            path = f"/proc/self/fd/{memory.fileno()}".encode()
            handle = library().btf__parse_split(path, base.handle if base else None)
        return cls(_checked(handle, f"cannot read BTF from {origin}"), base=base)

    def __del__(self) -> None:
        self._lib.btf__free(self.handle)

    @property
    def count(self) -> int:
        """Number of types, void and those of the base included: ids are below it."""
        number: int = self._lib.btf__type_cnt(self.handle)
        return number

    def find(self, name: str, *kinds: Kind) -> BtfType | None:
        """The first type of that name and one of the kinds, tried in the order given.

        Where BTF has several types of a name and kind, the first one is the answer, always.
        """
        for kind in kinds:
            type_id = self.find_id(name, kind)
            if type_id > 0:
                return self.type(type_id)
        return None

    def type(self, type_id: int) -> BtfType:
        """Decode one type; decoded types are kept.

        Raises:
            KeyError: there is no such id.
        """
        known = self._types.get(type_id)
        if known is None:
            known = self._types[type_id] = self._decode(type_id)
        return known

    def resolve(self, type_id: int, *, typedefs: bool = True) -> BtfType:
        """Strip modifiers, and typedefs unless told otherwise."""
        found = self.type(type_id)
        while found.kind in MODIFIERS or (typedefs and found.kind is Kind.TYPEDEF):
            found = self.type(found.ref)
        return found

    def size_of(self, type_id: int) -> int:
        """Bytes of a type on a 64-bit kernel; 0 for void and functions."""
        found = self.resolve(type_id)
        if found.kind is Kind.PTR:
            return 8
        if found.kind is Kind.ARRAY:
            return found.length * self.size_of(found.ref)
        return found.size

    def members(self, aggregate: BtfType) -> Iterator[BtfMember]:
        """Named members, with those of anonymous aggregates; offsets are from *aggregate*."""
        for member in aggregate.members:
            if member.name:
                yield member
                continue
            inner = self.resolve(member.type_id)
            for nested in self.members(inner):
                yield BtfMember(
                    nested.name,
                    nested.type_id,
                    member.bit_offset + nested.bit_offset,
                    nested.bit_size,
                )

    def names(self, prefix: str) -> frozenset[str]:
        """All names in the string table that begin with *prefix*, the prefix cut off.

        A scan of the strings, not of the types: fast, good enough to suggest or match a pattern.
        """
        found = re.findall(rb"\0" + prefix.encode() + rb"(\w+)", self.raw)
        own = frozenset(name.decode() for name in found)
        return own | self.base.names(prefix) if self.base else own

    @cached_property
    def raw(self) -> bytes:
        """The blob itself; of a split BTF, its own part."""
        size = ctypes.c_uint32()
        address = self._lib.btf__raw_data(self.handle, ctypes.byref(size))
        return ctypes.string_at(address, size.value)

    def find_id(self, name: str, kind: Kind) -> int:
        """Id of the first type of that name and kind, of the base first; below 1 if none."""
        index = self._indexes.get(kind)
        if index is not None:
            inherited = self.base.find_id(name, kind) if self.base else 0
            return inherited if inherited > 0 else index.get(name, 0)
        self._scans[kind] += 1
        if self._scans[kind] >= _SCANS:
            self.all_of(kind)
        found: int = self._lib.btf__find_by_name_kind(self.handle, name.encode(), kind)
        return found

    def _name(self, offset: int) -> str:
        name: bytes | None = self._lib.btf__name_by_offset(self.handle, offset)
        return name.decode() if name else ""

    def all_of(self, kind: Kind) -> Mapping[str, int]:
        """Ids of all types of one kind by name, without the base's; the first of a name."""
        if kind not in self._indexes:
            self._indexes[kind] = self._index(kind)
        return self._indexes[kind]

    def enumerator(self, name: str) -> frozenset[int]:
        """The values that an enumerator has in any enum, also in those without a name; those of the base included."""
        own = (value for known, value in self._enumerators() if known == name)
        holds = f"\0{name}\0".encode() in self.raw or self.base is not None
        inherited = self.base.enumerator(name) if self.base else frozenset()
        return (frozenset(own) if holds else frozenset()) | inherited

    def enumerator_names(self) -> frozenset[str]:
        """The names of all of them. Slow: for errors."""
        own = frozenset(name for name, _ in self._enumerators())
        return own | self.base.enumerator_names() if self.base else own

    def _enumerators(self) -> Iterator[tuple[str, int]]:
        for type_id, kind, _ in self._headers():
            if kind in (Kind.ENUM, Kind.ENUM64):
                yield from self.type(type_id).enumerators

    def _index(self, wanted: Kind) -> dict[str, int]:
        index: dict[str, int] = {}
        for type_id, kind, name in self._headers():
            if kind == wanted:
                index.setdefault(self._name(name), type_id)
        return index

    def _headers(self) -> Iterator[tuple[int, int, int]]:
        """Id, kind and offset of the name of each of this BTF's own types."""
        words = memoryview(sections(self.raw).types).cast("I")
        type_id = self.base.count if self.base else 1
        at, end = 0, len(words)
        fixed = [WORDS[kind] for kind in Kind]
        each = [WORDS_EACH[kind] for kind in Kind]
        while at < end:
            info = words[at + 1]
            kind = info >> 24 & 0x1F
            yield type_id, kind, words[at]
            at += fixed[kind] + each[kind] * (info & 0xFFFF)
            type_id += 1

    def _decode(self, type_id: int) -> BtfType:
        if type_id == 0:
            return VOID
        address = self._lib.btf__type_by_id(self.handle, type_id)
        if not address:
            raise KeyError(type_id)
        return decode(type_id, address, self._name)


def _checked(handle: int | None, what: str) -> int:
    if not handle:
        raise MachineError(f"{what}: {os.strerror(ctypes.get_errno())}")
    return handle
