"""Type information decoded by libbpf and us is what our encoder wrote."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.errors import MachineError
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_blob import sections
from tracer_core.kernel.btf_types import MODIFIERS, BtfMember, BtfType, Kind
from tracer_core.kernel.encode import encode

_NAMES = st.from_regex(r"[a-z_][a-z0-9_]{0,12}", fullmatch=True)
_MAYBE = st.just("") | _NAMES
_SIZES = st.sampled_from((1, 2, 4, 8))


@cache
def _types(count: int) -> st.SearchStrategy[list[BtfType]]:
    return st.tuples(*(_type(i, count) for i in range(1, count + 1))).map(list)


def _type(own: int, count: int) -> st.SearchStrategy[BtfType]:
    ids = st.integers(0, count)
    # a reference backwards, so that a chain of modifiers ends
    back = st.integers(0, own - 1)
    members = st.builds(BtfMember, _MAYBE, ids, st.integers(0, 0xFFFFFF), st.integers(0, 64))
    params = st.tuples(_MAYBE, ids)
    values = st.tuples(_NAMES, st.integers(-(2**31), 2**31 - 1))
    unsigned = st.tuples(_NAMES, st.integers(0, 2**32 - 1))
    wide = st.tuples(_NAMES, st.integers(-(2**63), 2**63 - 1))
    wide_unsigned = st.tuples(_NAMES, st.integers(0, 2**64 - 1))

    def tuples(of: st.SearchStrategy[object]) -> st.SearchStrategy[tuple[object, ...]]:
        return st.lists(of, max_size=5).map(tuple)

    def of(kind: Kind, name: st.SearchStrategy[str], **rest: object) -> st.SearchStrategy[BtfType]:
        fixed = {k: v if isinstance(v, st.SearchStrategy) else st.just(v) for k, v in rest.items()}
        return st.builds(BtfType, st.just(own), st.just(kind), name, **fixed)

    nameless = st.just("")
    return st.one_of(
        of(Kind.INT, _NAMES, size=_SIZES, signed=st.booleans()),
        of(Kind.FLOAT, _NAMES, size=_SIZES),
        of(Kind.PTR, nameless, ref=ids),
        of(Kind.ARRAY, nameless, ref=ids, index=ids, length=st.integers(0, 2**32 - 1)),
        of(Kind.STRUCT, _MAYBE, size=st.integers(0, 2**32 - 1), members=tuples(members)),
        of(Kind.UNION, _MAYBE, size=st.integers(0, 2**32 - 1), members=tuples(members)),
        of(Kind.ENUM, _MAYBE, size=_SIZES, enumerators=tuples(values), signed=True),
        of(Kind.ENUM, _MAYBE, size=_SIZES, enumerators=tuples(unsigned), signed=False),
        of(Kind.ENUM64, _MAYBE, size=_SIZES, enumerators=tuples(wide), signed=True),
        of(Kind.ENUM64, _MAYBE, size=_SIZES, enumerators=tuples(wide_unsigned), signed=False),
        of(Kind.FWD, _NAMES, is_union=st.booleans()),
        of(Kind.TYPEDEF, _NAMES, ref=back),
        of(Kind.FUNC, _NAMES, ref=ids),
        of(Kind.FUNC_PROTO, nameless, ref=ids, params=tuples(params)),
        of(Kind.TYPE_TAG, _NAMES, ref=back),
        *(of(kind, nameless, ref=back) for kind in sorted(MODIFIERS - {Kind.TYPE_TAG})),
    )


@settings(max_examples=80)
@given(st.integers(1, 8).flatmap(_types))
def test_what_is_encoded_is_decoded(types: list[BtfType]):
    btf = Btf.from_bytes(encode(types))
    assert btf.count == len(types) + 1
    assert [btf.type(i) for i in range(1, btf.count)] == types


@settings(max_examples=30)
@given(st.integers(1, 5).flatmap(_types))
def test_the_index_agrees_with_the_scan(types: list[BtfType]):
    scanned, indexed = (Btf.from_bytes(encode(types)) for _ in range(2))
    for found in types:
        indexed.all_of(found.kind)
    for found in types:
        if found.name:
            first = scanned.find(found.name, found.kind)
            assert first is not None
            assert indexed.find(found.name, found.kind) == first


def test_many_look_ups_build_the_index_and_answer_the_same():
    types = [BtfType(i, Kind.STRUCT, f"s{i}", size=i) for i in range(1, 200)]
    btf = Btf.from_bytes(encode(types))
    assert [btf.find(found.name, Kind.STRUCT) for found in types] == types
    assert btf.find("s0", Kind.STRUCT) is None


def test_of_several_types_of_a_name_the_first_is_found():
    types = [BtfType(i, Kind.STRUCT, "twin", size=i) for i in (1, 2)]
    btf = Btf.from_bytes(encode(types))
    assert btf.find("twin", Kind.STRUCT) == types[0]
    assert btf.all_of(Kind.STRUCT) == {"twin": 1}


def test_a_split_btf_sees_its_base_and_repeats_none_of_its_strings():
    base = Btf.from_bytes(encode([BtfType(1, Kind.INT, "int", size=4, signed=True)]))
    split = [BtfType(2, Kind.TYPEDEF, "mine", ref=1), BtfType(3, Kind.STRUCT, "int", size=4)]
    blob = encode(split, base_strings=sections(base.raw).strings)
    top = Btf.from_bytes(blob, base=base)
    assert [top.type(i) for i in (1, 2, 3)] == [base.type(1), *split]
    assert top.all_of(Kind.STRUCT) == {"int": 3}
    assert top.find("int", Kind.INT, Kind.STRUCT) == base.type(1)
    assert b"int" not in sections(blob).strings


def test_names_are_found_by_prefix_in_base_and_split():
    base = Btf.from_bytes(encode([BtfType(1, Kind.FWD, "btf_trace_a")]))
    blob = encode([BtfType(2, Kind.FWD, "btf_trace_b")], base_strings=sections(base.raw).strings)
    assert Btf.from_bytes(blob, base=base).names("btf_trace_") == {"a", "b"}


def test_kinds_of_sections_are_not_encoded():
    with pytest.raises(ValueError, match="DATASEC"):
        encode([BtfType(1, Kind.DATASEC, ".data")])


@pytest.mark.parametrize("data", [b"", b"garbage", b"\x9f\xeb\x01\0" + b"\xff" * 40])
def test_what_is_no_btf_is_an_error(data: bytes):
    with pytest.raises(MachineError, match="cannot read BTF"):
        Btf.from_bytes(data)
    assert sections(data[:10]) == (b"", b"")
