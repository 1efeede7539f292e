from __future__ import annotations

import re

import pytest

from tracer_core.compose.kernel_types import kernel_types
from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.btf_types import Kind
from tracer_core.testing.kernels import recorded_kernel


def test_only_members_that_the_program_names_are_declared(kernel: BtfKernel) -> None:
    text = kernel_types(kernel, "struct sk_buff *skb; TRACER_GET(ctx, skb, len)").declarations
    assert re.search(r"u32 len;", text)
    assert "data_len" not in text
    assert "net_device" not in text


def test_every_member_stands_at_the_offset_that_btf_gives(kernel: BtfKernel) -> None:
    text = kernel_types(kernel, "struct sk_buff *skb; len data_len dev head mac_header protocol").declarations
    found = kernel.btf.find("sk_buff", Kind.STRUCT)
    assert found is not None
    for member in kernel.btf.members(found):
        if member.name in ("len", "data_len", "dev", "head", "mac_header", "protocol"):
            assert f"__builtin_offsetof(struct sk_buff, {member.name}) == {member.bit_offset // 8}," in text
    assert f"sizeof(struct sk_buff) == {found.size}," in text


def test_types_behind_kept_pointers_follow(kernel: BtfKernel) -> None:
    text = kernel_types(kernel, "struct sk_buff *skb; skb dev nd_net net ns inum").declarations
    assert re.search(r"struct net_device \*dev;", text)
    assert re.search(r"struct net \*net;", text)
    assert re.search(r"u32 inum;", text)
    # by value before who holds it
    assert text.index("struct ns_common {") < text.index("\nstruct net {")


def test_comments_and_own_structures_declare_nothing(kernel: BtfKernel) -> None:
    program = "/* struct net_device */ struct sk_buff { int x; }; struct tracer_ctx; // struct sock\nstruct section_x;"
    assert kernel_types(kernel, program).declarations.strip() == ""


def test_a_type_that_the_kernel_lacks_is_declared_by_name_only(kernel: BtfKernel) -> None:
    assert kernel_types(kernel, "struct no_such_thing *p;").declarations == "struct no_such_thing;\n"


def test_bit_fields_become_readers_and_not_members(kernel: BtfKernel) -> None:
    types = kernel_types(kernel, "struct sk_buff *skb; ip_summed")
    found = kernel.btf.find("sk_buff", Kind.STRUCT)
    assert found is not None
    member = next(m for m in kernel.btf.members(found) if m.name == "ip_summed")
    assert member.bit_size == 2
    assert "ip_summed" not in types.declarations
    match = re.search(r"TRACER_BIT_FIELD\(sk_buff, ip_summed, u8, (\d+), (\d+), 0x3ULL\)", types.bit_fields)
    assert match is not None
    assert int(match[1]) * 8 + int(match[2]) == member.bit_offset


def test_a_bit_field_is_read_by_the_aligned_unit_that_it_is_in() -> None:
    types = kernel_types(recorded_kernel("6.12"), "struct nft_rule_dp *rule; is_last dlen handle")
    assert types.bit_fields.split("\n")[:3] == [
        "TRACER_BIT_FIELD(nft_rule_dp, is_last, u8, 0, 0, 0x1ULL)",
        "TRACER_BIT_FIELD(nft_rule_dp, dlen, u16, 0, 1, 0xfffULL)",
        "TRACER_BIT_FIELD(nft_rule_dp, handle, u64, 0, 13, 0x3ffffffffffULL)",
    ]


def test_enumerators_are_declared_if_they_are_named() -> None:
    kernel = recorded_kernel("6.12")
    text = kernel_types(kernel, "enum skb_drop_reason reason; SKB_DROP_REASON_NO_SOCKET").declarations
    found = kernel.btf.find("skb_drop_reason", Kind.ENUM)
    assert found is not None
    value = dict(found.enumerators)["SKB_DROP_REASON_NO_SOCKET"]
    assert text == f"enum skb_drop_reason {{ SKB_DROP_REASON_NO_SOCKET = {value} }};\n"


def test_the_same_words_give_the_same_text(kernel: BtfKernel) -> None:
    program = "struct sk_buff *skb; dev sk head ip_summed pkt_type"
    assert kernel_types(kernel, program) == kernel_types(kernel, program)


@pytest.mark.parametrize(("name", "module"), [("6.1", "nf_tables"), ("6.12", "nf_tables"), ("6.18", "")])
def test_types_are_found_in_modules_too_with_what_they_refer_to(name: str, module: str) -> None:
    kernel = recorded_kernel(name)
    found = kernel.find("nft_traceinfo", Kind.STRUCT)
    assert found is not None
    assert found[0] == module
    types = kernel_types(
        kernel, "struct nft_traceinfo *info; struct nft_pktinfo *pkt; basechain chain table handle skb"
    )
    assert f"sizeof(struct nft_traceinfo) == {found[1].size}," in types.declarations
    for path in ("nft_base_chain.chain", "nft_chain.table", "nft_table.handle", "nft_pktinfo.skb"):
        aggregate, _, member = path.partition(".")
        place = kernel.member(aggregate, member)
        assert place is not None
        assert f"__builtin_offsetof(struct {aggregate}, {member}) == {place.bit_offset // 8}," in types.declarations
    assert "struct sk_buff *skb;" in types.declarations  # the module's points at one of vmlinux


def test_an_enum_of_a_module_has_its_values() -> None:
    kernel = recorded_kernel("6.1")
    assert kernel.btf.find("nft_trace_types", Kind.ENUM) is None
    text = kernel_types(kernel, "enum nft_trace_types type; NFT_TRACETYPE_POLICY").declarations
    assert text == "enum nft_trace_types { NFT_TRACETYPE_POLICY = 1 };\n"
