"""C types as text, from type information made for the purpose."""

from __future__ import annotations

import pytest

from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_types import BtfMember, BtfType, Kind
from tracer_core.kernel.ctype import c_type
from tracer_core.kernel.encode import encode

_TYPES = {
    1: BtfType(1, Kind.INT, "int", size=4, signed=True),
    2: BtfType(2, Kind.STRUCT, "sk_buff", size=4, members=(BtfMember("len", 1, 0, 0),)),
    3: BtfType(3, Kind.PTR, ref=2),
    4: BtfType(4, Kind.PTR, ref=3),
    5: BtfType(5, Kind.CONST, ref=2),
    6: BtfType(6, Kind.PTR, ref=5),
    7: BtfType(7, Kind.CONST, ref=6),
    8: BtfType(8, Kind.PTR, ref=7),
    9: BtfType(9, Kind.TYPEDEF, "u32", ref=1),
    10: BtfType(10, Kind.ARRAY, ref=9, index=1, length=6),
    11: BtfType(11, Kind.ARRAY, ref=10, index=1, length=2),
    12: BtfType(12, Kind.PTR, ref=10),
    13: BtfType(13, Kind.FUNC_PROTO, ref=1, params=(("skb", 3), ("n", 9), ("", 0))),
    14: BtfType(14, Kind.PTR, ref=13),
    15: BtfType(15, Kind.PTR, ref=14),
    16: BtfType(16, Kind.FUNC_PROTO, ref=0),
    17: BtfType(17, Kind.PTR, ref=16),
    18: BtfType(18, Kind.PTR, ref=0),
    19: BtfType(19, Kind.FWD, "net", is_union=False),
    20: BtfType(20, Kind.FWD, "u", is_union=True),
    21: BtfType(21, Kind.ENUM, "skb_drop_reason", size=4, enumerators=(("A", 0),)),
    22: BtfType(22, Kind.ENUM64, "wide", size=8, enumerators=(("B", 1 << 40),)),
    23: BtfType(23, Kind.UNION, "", size=4, members=(BtfMember("a", 1, 0, 0),)),
    24: BtfType(24, Kind.TYPE_TAG, "rcu", ref=2),
    25: BtfType(25, Kind.PTR, ref=24),
    26: BtfType(26, Kind.FLOAT, "double", size=8),
    27: BtfType(27, Kind.ARRAY, ref=14, index=1, length=3),
}


@pytest.fixture(scope="module")
def btf() -> Btf:
    return Btf.from_bytes(encode(_TYPES.values()))


@pytest.mark.parametrize(
    ("type_id", "text"),
    [
        (0, "void"),
        (1, "int"),
        (2, "struct sk_buff"),
        (3, "struct sk_buff *"),
        (4, "struct sk_buff **"),
        (8, "struct sk_buff **"),
        (9, "u32"),
        (10, "u32 [6]"),
        (11, "u32 [2][6]"),
        (12, "u32 (*)[6]"),
        (14, "int (*)(struct sk_buff *, u32, ...)"),
        (15, "int (**)(struct sk_buff *, u32, ...)"),
        (17, "void (*)(void)"),
        (18, "void *"),
        (19, "struct net"),
        (20, "union u"),
        (21, "enum skb_drop_reason"),
        (22, "enum wide"),
        (23, "union {...}"),
        (25, "struct sk_buff *"),
        (26, "double"),
        (27, "int (*[3])(struct sk_buff *, u32, ...)"),
    ],
)
def test_types_are_written_as_c_writes_them(btf: Btf, type_id: int, text: str):
    assert c_type(btf, type_id) == text


def test_an_unknown_type_is_an_error(btf: Btf):
    with pytest.raises(KeyError):
        c_type(btf, 999)
