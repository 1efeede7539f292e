"""From the bytes of one ``struct btf_type`` to a Python value.

Layouts: ``include/uapi/linux/btf.h``. libbpf has checked the blob and brought it to this machine's
byte order before we look at it.
"""

from __future__ import annotations

import ctypes
import struct
from typing import TYPE_CHECKING, NamedTuple

from tracer_core.kernel.btf_blob import INT_SIGNED
from tracer_core.kernel.btf_types import MODIFIERS, BtfMember, BtfType, Kind

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = struct.Struct("=3I")
_WORD = struct.Struct("=I")
_ARRAY = struct.Struct("=3I")
_MEMBER = struct.Struct("=3I")
_ENUM = struct.Struct("=Ii")
_ENUM64 = struct.Struct("=IIi")
_PARAM = struct.Struct("=2I")
_REFERENCES = MODIFIERS | {Kind.PTR, Kind.TYPEDEF, Kind.FUNC, Kind.VAR, Kind.DECL_TAG}


class _Raw(NamedTuple):
    """The three words every type begins with, taken apart; ``word`` is a size or a type id."""

    id: int
    kind: Kind
    name: str
    vlen: int
    flag: bool
    word: int
    rest: int  # address of what follows
    name_of: Callable[[int], str]


def decode(type_id: int, address: int, name_of: Callable[[int], str]) -> BtfType:
    """Decode one type.

    Args:
        type_id: Its id, to go with the answer.
        address: Where its bytes are, in this process.
        name_of: The string at an offset of the string table.
    """
    name_offset, info, word = _HEADER.unpack(ctypes.string_at(address, _HEADER.size))
    kind = Kind(info >> 24 & 0x1F)
    raw = _Raw(
        type_id,
        kind,
        name_of(name_offset),
        info & 0xFFFF,
        bool(info >> 31),
        word,
        address + _HEADER.size,
        name_of,
    )
    return _DECODERS[kind](raw)


def _integer(raw: _Raw) -> BtfType:
    (encoding,) = _WORD.unpack(ctypes.string_at(raw.rest, _WORD.size))
    return BtfType(raw.id, raw.kind, raw.name, size=raw.word, signed=bool(encoding & INT_SIGNED))


def _aggregate(raw: _Raw) -> BtfType:
    triples = _MEMBER.iter_unpack(ctypes.string_at(raw.rest, raw.vlen * _MEMBER.size))
    if raw.flag:  # with the flag, each offset carries the size of a bit-field in its top byte
        members = tuple(
            BtfMember(raw.name_of(name), ref, place & 0xFFFFFF, place >> 24) for name, ref, place in triples
        )
    else:
        members = tuple(BtfMember(raw.name_of(name), ref, place, 0) for name, ref, place in triples)
    return BtfType(raw.id, raw.kind, raw.name, size=raw.word, members=members)


def _enum(raw: _Raw) -> BtfType:
    pairs = _ENUM.iter_unpack(ctypes.string_at(raw.rest, raw.vlen * _ENUM.size))
    values = tuple((raw.name_of(name), value if raw.flag else value & 0xFFFFFFFF) for name, value in pairs)
    return BtfType(raw.id, raw.kind, raw.name, size=raw.word, enumerators=values, signed=raw.flag)


def _enum64(raw: _Raw) -> BtfType:
    triples = _ENUM64.iter_unpack(ctypes.string_at(raw.rest, raw.vlen * _ENUM64.size))
    values = tuple(
        (raw.name_of(name), (high if raw.flag else high & 0xFFFFFFFF) << 32 | low) for name, low, high in triples
    )
    return BtfType(raw.id, raw.kind, raw.name, size=raw.word, enumerators=values, signed=raw.flag)


def _array(raw: _Raw) -> BtfType:
    element, index, length = _ARRAY.unpack(ctypes.string_at(raw.rest, _ARRAY.size))
    return BtfType(raw.id, raw.kind, ref=element, length=length, index=index)


def _prototype(raw: _Raw) -> BtfType:
    pairs = _PARAM.iter_unpack(ctypes.string_at(raw.rest, raw.vlen * _PARAM.size))
    params = tuple((raw.name_of(name), ref) for name, ref in pairs)
    return BtfType(raw.id, raw.kind, ref=raw.word, params=params)


def _forward(raw: _Raw) -> BtfType:
    return BtfType(raw.id, raw.kind, raw.name, is_union=raw.flag)


def _reference(raw: _Raw) -> BtfType:
    return BtfType(raw.id, raw.kind, raw.name, ref=raw.word)


def _sized(raw: _Raw) -> BtfType:
    return BtfType(raw.id, raw.kind, raw.name, size=raw.word)


_DECODERS: dict[Kind, Callable[[_Raw], BtfType]] = {
    **dict.fromkeys(Kind, _sized),
    **dict.fromkeys(_REFERENCES, _reference),
    Kind.INT: _integer,
    Kind.STRUCT: _aggregate,
    Kind.UNION: _aggregate,
    Kind.ENUM: _enum,
    Kind.ENUM64: _enum64,
    Kind.ARRAY: _array,
    Kind.FUNC_PROTO: _prototype,
    Kind.FWD: _forward,
}
