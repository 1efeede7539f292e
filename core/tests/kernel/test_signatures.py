"""Functions and tracepoints by the types that they take: the same answers as asking for one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_blob import sections
from tracer_core.kernel.btf_types import BtfType, Kind
from tracer_core.kernel.ctype import c_type
from tracer_core.kernel.encode import encode
from tracer_core.kernel.live import LiveKernel, LiveSource
from tracer_core.kernel.signatures import Signatures
from tracer_core.testing.kernels import recorded_kernel, recorded_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tracer_core.kernel.view import Prototype, TypedKernel

_SKB = "struct sk_buff *"
_TYPES = (_SKB, "struct sk_buff **", "struct net *", "enum skb_drop_reason", "u32", "void *", "int", "bool")

_BASE = [
    BtfType(1, Kind.INT, "int", size=4, signed=True),
    BtfType(2, Kind.STRUCT, "sk_buff"),
    BtfType(3, Kind.CONST, ref=2),
    BtfType(4, Kind.PTR, ref=3),
    BtfType(5, Kind.PTR, ref=2),
    BtfType(6, Kind.CONST, ref=5),
    BtfType(7, Kind.PTR, ref=6),
    BtfType(8, Kind.TYPEDEF, "skb_t", ref=2),
    BtfType(9, Kind.PTR, ref=8),
    BtfType(10, Kind.STRUCT, "sk_buff_head"),
    BtfType(11, Kind.PTR, ref=10),
    BtfType(12, Kind.PTR, ref=0),
    BtfType(13, Kind.FUNC_PROTO, ref=1, params=(("a", 1), ("b", 4), ("c", 5))),
    BtfType(14, Kind.FUNC, "takes_two", ref=13),
    BtfType(15, Kind.FUNC_PROTO, ref=0, params=(("a", 7),)),
    BtfType(16, Kind.FUNC, "takes_a_pointer_to_it", ref=15),
    BtfType(17, Kind.FUNC_PROTO, ref=5, params=(("a", 9), ("b", 11), ("", 0))),
    BtfType(18, Kind.FUNC, "takes_others", ref=17),
    BtfType(19, Kind.FUNC, "takes_others_as_well", ref=17),
    BtfType(20, Kind.FUNC_PROTO, ref=0, params=(("", 12), ("", 5), ("", 12))),
    BtfType(21, Kind.PTR, ref=20),
    BtfType(22, Kind.TYPEDEF, "btf_trace_seen", ref=21),
    BtfType(23, Kind.FUNC_PROTO, ref=1, params=(("", 5),)),
    BtfType(24, Kind.PTR, ref=23),
    BtfType(25, Kind.FUNC_PROTO, ref=0, params=(("f", 24),)),
    BtfType(26, Kind.FUNC, "takes_a_callback", ref=25),
]
_MODULE = [
    BtfType(27, Kind.FWD, "mine"),
    BtfType(28, Kind.PTR, ref=27),
    BtfType(29, Kind.FUNC_PROTO, ref=0, params=(("m", 28), ("skb", 4))),
    BtfType(30, Kind.FUNC, "module_takes_it", ref=29),
    BtfType(31, Kind.FUNC, "module_shares_a_prototype", ref=13),
    BtfType(32, Kind.FUNC, "takes_others", ref=13),  # of the same name as one of vmlinux
]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("kernel")
    folder = root / "sys/kernel/btf"
    folder.mkdir(parents=True)
    base = encode(_BASE)
    (folder / "vmlinux").write_bytes(base)
    (folder / "one").write_bytes(encode(_MODULE, base_strings=sections(base).strings))
    (folder / "broken").write_bytes(b"not BTF")
    return root


@pytest.fixture(scope="module")
def kernel(root: Path) -> BtfKernel:
    return BtfKernel(LiveSource(root=root))


def _one_by_one(prototypes: Mapping[str, Prototype | None], c_types: Iterable[str]) -> dict[str, dict[str, int]]:
    found = {
        name: {text: at for text in c_types if (at := prototype.index_of(text)) is not None}
        for name, prototype in prototypes.items()
        if prototype is not None
    }
    return {name: positions for name, positions in found.items() if positions}


def test_pointers_count_and_qualifiers_do_not(kernel: BtfKernel):
    assert kernel.functions_taking([_SKB]) == {
        "takes_two": {_SKB: 1},
        "module_takes_it": {_SKB: 1},
        "module_shares_a_prototype": {_SKB: 1},
    }
    assert kernel.functions_taking(["struct sk_buff **"]) == {"takes_a_pointer_to_it": {"struct sk_buff **": 0}}


def test_a_typedef_is_a_type_of_its_own(kernel: BtfKernel):
    assert kernel.functions_taking(["skb_t *"]).keys() == {"takes_others", "takes_others_as_well"}


def test_a_type_that_only_a_module_has_is_found_there(kernel: BtfKernel):
    assert kernel.functions_taking(["struct mine *", _SKB])["module_takes_it"] == {"struct mine *": 0, _SKB: 1}


def test_a_function_of_a_module_does_not_stand_for_one_of_that_name_in_vmlinux(kernel: BtfKernel):
    assert "takes_others" not in kernel.functions_taking([_SKB])


def test_a_callback_is_found_by_its_text(kernel: BtfKernel):
    text = "int (*)(struct sk_buff *)"
    assert kernel.functions_taking([text]) == {"takes_a_callback": {text: 0}}


def test_what_tracepoints_are_given_for_themselves_does_not_count(kernel: BtfKernel):
    assert kernel.tracepoints_taking([_SKB, "void *"]) == {"seen": {_SKB: 0, "void *": 1}}


def test_names_are_those_of_vmlinux_and_modules(kernel: BtfKernel):
    functions = {found.name for found in (*_BASE, *_MODULE) if found.kind is Kind.FUNC}
    assert kernel.function_names() == functions


def test_of_several_functions_of_a_name_the_first_counts():
    types = [*_BASE[:13], BtfType(14, Kind.FUNC_PROTO), BtfType(15, Kind.FUNC, "f", ref=14)]
    twice = [*types, BtfType(16, Kind.FUNC, "f", ref=13)]
    assert Signatures(Btf.from_bytes(encode(twice))).functions([_SKB]) == {}


@pytest.mark.parametrize("name", recorded_names())
def test_recorded_kernels_answer_as_if_asked_one_by_one(name: str):
    _same_as_one_by_one(recorded_kernel(name))


def test_this_kernel_answers_as_if_asked_one_by_one():
    _same_as_one_by_one(LiveKernel(), every=16)


def _same_as_one_by_one(kernel: TypedKernel, *, every: int = 1) -> None:
    names = sorted(kernel.function_names())[::every]
    functions = kernel.functions_taking(_TYPES)
    assert {name: functions[name] for name in names if name in functions} == _one_by_one(
        {name: kernel.function(name) for name in names}, _TYPES
    )
    tracepoints = {name: kernel.tracepoint(name) for name in kernel.tracepoint_names()}
    assert kernel.tracepoints_taking(_TYPES) == _one_by_one(tracepoints, _TYPES)


@st.composite
def _prototypes(draw: st.DrawFn) -> list[BtfType]:
    """The types above, and functions of any of them."""
    parameters = st.lists(st.sampled_from((1, 3, 4, 5, 6, 7, 8, 9, 11, 12)), max_size=8)
    types = list(_BASE[:12])
    for index, ids in enumerate(draw(st.lists(parameters, min_size=1, max_size=6))):
        prototype = len(types) + 1
        types.append(BtfType(prototype, Kind.FUNC_PROTO, params=tuple(("", at) for at in ids)))
        types.append(BtfType(prototype + 1, Kind.FUNC, f"f{index}", ref=prototype))
    return types


@given(_prototypes())
def test_any_prototypes_are_read_as_decoding_reads_them(types: list[BtfType]):
    blob = encode(types)
    asked = ("struct sk_buff *", "struct sk_buff **", "skb_t *", "int", "void *", "struct sk_buff")
    btf = Btf.from_bytes(blob)
    expected = {}
    for found in types:
        if found.kind is Kind.FUNC:
            texts = [c_type(btf, at) for _, at in btf.type(found.ref).params]
            positions = {text: texts.index(text) for text in asked if text in texts}
            if positions:
                expected[found.name] = positions
    assert Signatures(btf).functions(asked) == expected
