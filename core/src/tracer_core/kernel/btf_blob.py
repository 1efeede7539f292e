"""The format of BTF blobs, for those who read or write the bytes themselves: ``Documentation/bpf/btf.rst``."""

from __future__ import annotations

import struct
from typing import NamedTuple

from tracer_core.kernel.btf_types import Kind

HEADER = "HBBIIIII"
"""``struct btf_header``, as :mod:`struct` has it, without the byte order."""
MAGIC, VERSION = 0xEB9F, 1
INT_SIGNED = 1 << 24
"""``BTF_INT_SIGNED`` in the word that follows an integer, whose top byte but one says how the integer is encoded."""
WORDS = dict.fromkeys(Kind, 3) | {Kind.INT: 4, Kind.ARRAY: 6, Kind.VAR: 4, Kind.DECL_TAG: 4}
"""32-bit words that a type takes in a blob, by kind, without what follows for each member, enumerator or parameter."""

WORDS_EACH = dict.fromkeys(Kind, 0) | {
    Kind.STRUCT: 3,
    Kind.UNION: 3,
    Kind.ENUM: 2,
    Kind.FUNC_PROTO: 2,
    Kind.DATASEC: 3,
    Kind.ENUM64: 3,
}
"""The words for each of those."""

_HEADER = struct.Struct(f"={HEADER}")


class Sections(NamedTuple):
    """The two parts of a BTF blob."""

    types: bytes
    strings: bytes


def sections(data: bytes) -> Sections:
    """Cut a blob into types and strings; both are empty if it is no BTF in our byte order."""
    if len(data) < _HEADER.size:
        return Sections(b"", b"")
    magic, _, _, header, type_start, type_size, string_start, string_size = _HEADER.unpack_from(data)
    if magic != MAGIC:
        return Sections(b"", b"")
    types, strings = header + type_start, header + string_start
    return Sections(data[types : types + type_size], data[strings : strings + string_size])
