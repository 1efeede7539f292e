"""BTF written: the counterpart of decoding, for recordings and for tests.

The encoder takes types as :class:`~tracer_core.kernel.btf.Btf` gives them. What those do not carry
is written as the neutral choice: functions are global, integers have all their bits and are neither
``bool`` nor ``char``. Sections and variables are not encoded. Little-endian, as libbpf swaps where
needed. Layouts: ``include/uapi/linux/btf.h``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tracer_core.kernel.btf_blob import HEADER, INT_SIGNED, MAGIC, VERSION
from tracer_core.kernel.btf_types import MODIFIERS, BtfMember, BtfType, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_HEADER = struct.Struct(f"<{HEADER}")
_TYPE = struct.Struct("<3I")
_FUNC_GLOBAL = 1
_REFERENCES = MODIFIERS | {Kind.PTR, Kind.TYPEDEF, Kind.FUNC}
_U32 = 0xFFFFFFFF


class _Strings:
    """A string table under construction.

    Args:
        base: The string section of the BTF that this one extends: its strings are not repeated.
    """

    def __init__(self, base: bytes = b"") -> None:
        self._start = len(base)
        names = base.split(b"\0")[:-1]
        self._known: dict[bytes, int] = {}
        at = 0
        for name in names:
            self._known.setdefault(name, at)
            at += len(name) + 1
        self._own = bytearray()
        self.offset("")  # offset 0 is the empty name; a split BTF inherits it

    def offset(self, name: str) -> int:
        """Offset of a name, added if new."""
        key = name.encode()
        if key not in self._known:
            self._known[key] = self._start + len(self._own)
            self._own += key + b"\0"
        return self._known[key]

    def section(self) -> bytes:
        """The strings of this BTF's own."""
        return bytes(self._own)


def encode(types: Iterable[BtfType], *, base_strings: bytes = b"") -> bytes:
    """Write types as a BTF blob.

    Args:
        types: In the order of their ids, the first one after void, or after the last one of the base.
            Their own ``id`` is not looked at; what they refer to must already be in the ids to be.
        base_strings: String section of the base, for split BTF.

    Raises:
        ValueError: a type is of a kind that is not encoded.
    """
    strings = _Strings(base_strings)
    body = b"".join(_encode_type(found, strings.offset) for found in types)
    text = strings.section()
    return _HEADER.pack(MAGIC, VERSION, 0, _HEADER.size, 0, len(body), len(body), len(text)) + body + text


def _encode_type(found: BtfType, offset: Callable[[str], int]) -> bytes:
    kind, extra, word, flag, vlen = found.kind, b"", found.size, False, 0
    if kind is Kind.INT:
        extra = struct.pack("<I", INT_SIGNED * found.signed | found.size * 8)
    elif kind in (Kind.STRUCT, Kind.UNION):
        flag, vlen = any(member.bit_size for member in found.members), len(found.members)
        extra = _members(found.members, offset)
    elif kind is Kind.ENUM:
        flag, vlen = found.signed, len(found.enumerators)
        pairs = ((offset(name), value & _U32) for name, value in found.enumerators)
        extra = b"".join(struct.pack("<2I", *pair) for pair in pairs)
    elif kind is Kind.ENUM64:
        flag, vlen = found.signed, len(found.enumerators)
        triples = ((offset(name), value & _U32, value >> 32 & _U32) for name, value in found.enumerators)
        extra = b"".join(struct.pack("<3I", *triple) for triple in triples)
    elif kind is Kind.ARRAY:
        extra = struct.pack("<3I", found.ref, found.index, found.length)
    elif kind is Kind.FUNC_PROTO:
        word, vlen = found.ref, len(found.params)
        extra = b"".join(struct.pack("<2I", offset(name), ref) for name, ref in found.params)
    elif kind is Kind.FWD:
        flag = found.is_union
    elif kind in _REFERENCES:
        word, vlen = found.ref, _FUNC_GLOBAL if kind is Kind.FUNC else 0
    elif kind is not Kind.FLOAT:
        raise ValueError(f"BTF kind {kind.name} is not encoded")
    return _TYPE.pack(offset(found.name), flag << 31 | kind << 24 | vlen, word) + extra


def _members(members: Sequence[BtfMember], offset: Callable[[str], int]) -> bytes:
    # in a struct with bit-fields, each offset carries the size of a bit-field in its top byte
    return b"".join(
        struct.pack("<3I", offset(member.name), member.type_id, member.bit_size << 24 | member.bit_offset)
        for member in members
    )
