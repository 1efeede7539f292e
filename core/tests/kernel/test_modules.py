"""Type information of modules, on a machine made up of encoded files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tracer_core.errors import MachineError
from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_blob import sections
from tracer_core.kernel.btf_types import BtfMember, BtfType, Kind
from tracer_core.kernel.encode import encode
from tracer_core.kernel.live import LiveSource
from tracer_core.kernel.view import Param

if TYPE_CHECKING:
    from pathlib import Path

_BASE = [
    BtfType(1, Kind.INT, "int", size=4, signed=True),
    BtfType(2, Kind.STRUCT, "sk_buff", size=4, members=(BtfMember("len", 1, 0, 0),)),
    BtfType(3, Kind.PTR, ref=2),
    BtfType(4, Kind.FWD, "shared_name"),
    BtfType(5, Kind.PTR, ref=0),
]
_ONE = [
    BtfType(6, Kind.STRUCT, "shared_name", size=8, members=(BtfMember("skb", 3, 64, 0),)),
    BtfType(7, Kind.FUNC_PROTO, ref=1, params=(("skb", 3), ("info", 8))),
    BtfType(8, Kind.PTR, ref=6),
    BtfType(9, Kind.FUNC, "mod_rcv", ref=7),
    BtfType(10, Kind.FUNC_PROTO, params=(("", 5), ("", 3))),
    BtfType(11, Kind.PTR, ref=10),
    BtfType(12, Kind.TYPEDEF, "btf_trace_mod_event", ref=11),
]
_TWO = [BtfType(6, Kind.ENUM, "mod_reason", size=4, enumerators=(("MOD_DROP", 7),))]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "sys/kernel/btf"
    folder.mkdir(parents=True)
    base = encode(_BASE)
    strings = sections(base).strings
    (folder / "vmlinux").write_bytes(base)
    (folder / "mod_one").write_bytes(encode(_ONE, base_strings=strings))
    (folder / "mod_two").write_bytes(encode(_TWO, base_strings=strings))
    (folder / "aaa_gone").write_bytes(b"")
    return tmp_path


@pytest.fixture
def kernel(root: Path) -> BtfKernel:
    return BtfKernel(LiveSource(root=root))


def test_a_function_is_found_in_its_module(kernel: BtfKernel):
    prototype = kernel.function("mod_rcv")
    assert prototype is not None
    assert prototype.module == "mod_one"
    assert prototype.btf_id == 9
    assert prototype.params == (
        Param("skb", "struct sk_buff *"),
        Param("info", "struct shared_name *"),
    )


def test_a_struct_whose_name_is_among_the_strings_of_vmlinux_is_found(kernel: BtfKernel):
    member = kernel.member("shared_name", "skb")
    assert member is not None
    assert (member.type, member.bit_offset) == ("struct sk_buff *", 64)


def test_a_tracepoint_and_its_name_are_found(kernel: BtfKernel):
    prototype = kernel.tracepoint("mod_event")
    assert prototype is not None
    assert prototype.module == "mod_one"
    assert prototype.params == (Param("", "struct sk_buff *"),)
    assert kernel.tracepoint_names() == {"mod_event"}


def test_an_enum_is_found(kernel: BtfKernel):
    assert kernel.enum("mod_reason") == {"MOD_DROP": 7}


def test_modules_are_not_loaded_for_names_they_do_not_have(kernel: BtfKernel, monkeypatch: pytest.MonkeyPatch):
    loaded: list[bytes] = []
    real = Btf.from_bytes

    def spy(data: bytes, *, base: Btf | None = None, origin: str = "") -> Btf:
        loaded.append(data)
        return real(data, base=base, origin=origin)

    monkeypatch.setattr(Btf, "from_bytes", spy)
    assert kernel.function("nowhere") is None
    assert kernel.function("shared_name") is None  # the name is known, the kind is another
    assert kernel.enum("mod_reason") is not None
    assert len(loaded) == 1


def test_a_module_that_does_not_fit_is_passed_over(root: Path):
    folder = root / "sys/kernel/btf"
    good = (folder / "mod_two").read_bytes()
    (folder / "mod_bad").write_bytes(good[:-4])
    assert BtfKernel(LiveSource(root=root)).enum("mod_reason") == {"MOD_DROP": 7}


def test_a_module_that_does_not_fit_is_named_when_asked_for(root: Path):
    (root / "sys/kernel/btf/mod_bad").write_bytes(b"rubbish")
    with pytest.raises(MachineError, match="cannot read BTF from module mod_bad"):
        BtfKernel(LiveSource(root=root)).module_btf("mod_bad")


def test_a_module_without_type_information_is_an_error(kernel: BtfKernel):
    with pytest.raises(KeyError):
        kernel.module_btf("unknown")
