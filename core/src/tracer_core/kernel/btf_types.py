"""The vocabulary of BTF as Python values: kinds, types, members. No decoding, no libbpf."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Kind(IntEnum):
    """``BTF_KIND_*``."""

    VOID = 0
    INT = 1
    PTR = 2
    ARRAY = 3
    STRUCT = 4
    UNION = 5
    ENUM = 6
    FWD = 7
    TYPEDEF = 8
    VOLATILE = 9
    CONST = 10
    RESTRICT = 11
    FUNC = 12
    FUNC_PROTO = 13
    VAR = 14
    DATASEC = 15
    FLOAT = 16
    DECL_TAG = 17
    TYPE_TAG = 18
    ENUM64 = 19


MODIFIERS = frozenset({Kind.VOLATILE, Kind.CONST, Kind.RESTRICT, Kind.TYPE_TAG})
"""Kinds that only wrap another type and change nothing of its layout."""

TRACEPOINT = "btf_trace_"
"""Prefix of the typedef that describes a tracepoint, ``include/trace/bpf_probe.h``."""


@dataclass(frozen=True, slots=True)
class BtfMember:
    """A member of a struct or union.

    Attributes:
        name: Empty for an anonymous struct or union.
        type_id: Its type.
        bit_offset: Bits from the start of the aggregate.
        bit_size: Bits of a bit-field, 0 for a plain member.
    """

    name: str
    type_id: int
    bit_offset: int
    bit_size: int


@dataclass(frozen=True, slots=True)
class BtfType:
    """One decoded type.

    Attributes:
        id: Its id in the BTF it came from.
        kind: What it is.
        name: Its name, or nothing.
        size: Bytes, for kinds that have a size of their own.
        ref: The id it refers to: pointee, element, aliased or wrapped type, return type, prototype.
        members: Of a struct or union.
        enumerators: Of an enum.
        params: (name, type id) pairs of a prototype; a variadic one ends with ``("", 0)``.
        length: Elements of an array.
        index: Type id of an array's index; of interest to an encoder only.
        signed: Of an integer or enum.
        is_union: Of a forward declaration.
    """

    id: int
    kind: Kind
    name: str = ""
    size: int = 0
    ref: int = 0
    members: tuple[BtfMember, ...] = ()
    enumerators: tuple[tuple[str, int], ...] = ()
    params: tuple[tuple[str, int], ...] = ()
    length: int = 0
    index: int = 0
    signed: bool = False
    is_union: bool = False


VOID = BtfType(0, Kind.VOID, "void")
"""Type 0 of every BTF."""
