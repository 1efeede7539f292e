from __future__ import annotations

import re

import pytest

from tracer_core.compose.kernel_types import kernel_types
from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.btf import Btf, Kind
from tracer_core.testing.kernels import recorded_kernel


@pytest.fixture
def btf(kernel: BtfKernel) -> Btf:
    return kernel.btf


def test_only_members_that_the_program_names_are_declared(btf: Btf) -> None:
    text = kernel_types(btf, "struct sk_buff *skb; TRACER_GET(ctx, skb, len)").declarations
    assert re.search(r"u32 len;", text)
    assert "data_len" not in text
    assert "net_device" not in text


def test_every_member_stands_at_the_offset_that_btf_gives(btf: Btf) -> None:
    text = kernel_types(btf, "struct sk_buff *skb; len data_len dev head mac_header protocol").declarations
    found = btf.find("sk_buff", Kind.STRUCT)
    assert found is not None
    for member in btf.members(found):
        if member.name in ("len", "data_len", "dev", "head", "mac_header", "protocol"):
            assert f"__builtin_offsetof(struct sk_buff, {member.name}) == {member.bit_offset // 8}," in text
    assert f"sizeof(struct sk_buff) == {found.size}," in text


def test_types_behind_kept_pointers_follow(btf: Btf) -> None:
    text = kernel_types(btf, "struct sk_buff *skb; skb dev nd_net net ns inum").declarations
    assert re.search(r"struct net_device \*dev;", text)
    assert re.search(r"struct net \*net;", text)
    assert re.search(r"u32 inum;", text)
    # by value before who holds it
    assert text.index("struct ns_common {") < text.index("\nstruct net {")


def test_comments_and_own_structures_declare_nothing(btf: Btf) -> None:
    program = "/* struct net_device */ struct sk_buff { int x; }; struct tracer_ctx; // struct sock\nstruct section_x;"
    assert kernel_types(btf, program).declarations.strip() == ""


def test_a_type_that_the_kernel_lacks_is_declared_by_name_only(btf: Btf) -> None:
    assert kernel_types(btf, "struct no_such_thing *p;").declarations == "struct no_such_thing;\n"


def test_bit_fields_become_readers_and_not_members(btf: Btf) -> None:
    types = kernel_types(btf, "struct sk_buff *skb; ip_summed")
    found = btf.find("sk_buff", Kind.STRUCT)
    assert found is not None
    member = next(m for m in btf.members(found) if m.name == "ip_summed")
    assert member.bit_size == 2
    assert "ip_summed" not in types.declarations
    match = re.search(r"TRACER_BIT_FIELD\(sk_buff, ip_summed, u8, (\d+), (\d+), 0x3ULL\)", types.bit_fields)
    assert match is not None
    assert int(match[1]) * 8 + int(match[2]) == member.bit_offset


def test_enumerators_are_declared_if_they_are_named() -> None:
    btf = recorded_kernel("6.12").btf
    text = kernel_types(btf, "enum skb_drop_reason reason; SKB_DROP_REASON_NO_SOCKET").declarations
    found = btf.find("skb_drop_reason", Kind.ENUM)
    assert found is not None
    value = dict(found.enumerators)["SKB_DROP_REASON_NO_SOCKET"]
    assert text == f"enum skb_drop_reason {{ SKB_DROP_REASON_NO_SOCKET = {value} }};\n"


def test_the_same_words_give_the_same_text(btf: Btf) -> None:
    program = "struct sk_buff *skb; dev sk head ip_summed pkt_type"
    assert kernel_types(btf, program) == kernel_types(btf, program)
