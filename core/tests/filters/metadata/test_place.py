"""What the names of a metadata filter mean at a place, by the types of every recorded kernel."""

from __future__ import annotations

import pytest

from tracer_core.errors import UsageError
from tracer_core.filters.metadata.condition import (
    NEVER,
    Argument,
    BytesTest,
    Check,
    Condition,
    NumberTest,
    Result,
    Typed,
    checks,
)
from tracer_core.filters.metadata.place import Placer
from tracer_core.filters.metadata.roots import Passed
from tracer_core.filters.metadata.syntax import Operator
from tracer_core.filters.metadata.wanted import metadata_filter
from tracer_core.kernel.view import Param, Prototype, TypedKernel
from tracer_core.testing.kernels import recorded_kernel

SKB, DEV = "struct sk_buff *", "struct net_device *"
PARAMS = (
    Param("skb", SKB),
    Param("orig_dev", DEV),
    Param("count", "unsigned int"),
    Param("name", "char *"),
    Param("pskb", "struct sk_buff **"),
    Param("data", "void *"),
)
PROTOTYPE = Prototype(PARAMS, "int", "", 0)


def placed(
    kernel: TypedKernel,
    *texts: str,
    prototype: Prototype = PROTOTYPE,
    types: tuple[str, ...] = (SKB, DEV),
    registers: int = 6,
    returns: bool = False,
    tolerant: bool = False,
) -> Condition:
    placer = Placer(metadata_filter(texts), kernel)
    found = placer.at(Passed(prototype, types, registers, returns), tolerant=tolerant)
    placer.finish()
    return found


def check(kernel: TypedKernel, text: str, *, returns: bool = False) -> Check:
    found = placed(kernel, text, returns=returns)
    assert isinstance(found, Check)
    return found


def offset(kernel: TypedKernel, owner: str, path: str) -> int:
    member = kernel.member(owner, path)
    assert member is not None
    return member.bit_offset // 8


def test_a_root_is_an_argument_by_its_type_or_by_its_name(kernel: TypedKernel) -> None:
    assert check(kernel, "sk_buff.mark").root == Typed(SKB)
    assert check(kernel, "skb.mark").root == Argument(0)
    assert check(kernel, "net_device.mtu").root == Typed(DEV)
    assert check(kernel, "orig_dev.mtu").root == Argument(1)
    assert check(kernel, "count > 3").root == Argument(2)
    assert check(kernel, "retval < 0", returns=True).root == Result()


def test_a_way_follows_pointers_and_adds_offsets(kernel: TypedKernel) -> None:
    found = check(kernel, "sk_buff.dev.nd_net.net.ns.inum == 1")
    assert [hop.offset for hop in found.hops] == [
        offset(kernel, "sk_buff", "dev"),
        offset(kernel, "net_device", "nd_net.net"),
    ]
    assert isinstance(found.test, NumberTest)
    assert found.test.of.offset == offset(kernel, "net", "ns.inum")


def test_what_was_masked_or_cast_is_not_loaded_plainly(kernel: TypedKernel) -> None:
    found = check(kernel, "sk_buff._nfct:~0x7:nf_conn.mark")
    (hop,) = found.hops
    assert (hop.mask, hop.plain) == (0xFFFFFFFFFFFFFFF8, False)
    assert isinstance(found.test, NumberTest)
    assert not found.test.of.plain
    assert not check(kernel, "data:~0:sk_buff.mark").test.of.plain  # type: ignore[union-attr]
    plain = check(kernel, "sk_buff.dev.mtu")
    assert plain.hops[0].plain
    assert isinstance(plain.test, NumberTest)
    assert plain.test.of.plain


def test_strings_are_compared_with_the_nul_that_ends_them_if_there_is_room(kernel: TypedKernel) -> None:
    short, full, pointed = (
        check(kernel, text).test
        for text in ("sk_buff.dev.name == 'eth0'", f"sk_buff.dev.name != '{'x' * 16}'", "name == 'a'")
    )
    assert isinstance(short, BytesTest)
    assert isinstance(full, BytesTest)
    assert isinstance(pointed, BytesTest)
    assert (short.expected, short.equal, short.of.terminated) == (b"eth0\0", True, False)
    assert (full.expected, full.equal) == (b"x" * 16, False)
    assert (pointed.expected, pointed.of.terminated) == (b"a\0", True)


def test_negations_become_the_opposite_comparisons() -> None:
    kernel = recorded_kernel("6.12")
    found = placed(kernel, "not (sk_buff.mark == 1 or not sk_buff.len > 2 and sk_buff.dev.name == 'lo')")
    operators = [c.test.operator if isinstance(c.test, NumberTest) else c.test.equal for c in checks(found)]
    assert operators == [Operator.NE, Operator.GT, False]
    assert type(found).__name__ == "All"


def test_enumerators_have_the_value_that_the_kernel_gives_them() -> None:
    kernel = recorded_kernel("6.12")
    reasons = kernel.enum("skb_drop_reason")
    assert reasons is not None
    prototype = Prototype((Param("skb", SKB), Param("reason", "enum skb_drop_reason")), "void", "", 0)
    for text, root in (("reason", Argument(1)), ("skb_drop_reason", Typed("enum skb_drop_reason"))):
        found = placed(
            kernel,
            f"{text} == SKB_DROP_REASON_NO_SOCKET",
            prototype=prototype,
            types=(SKB, "enum skb_drop_reason"),
        )
        assert isinstance(found, Check)
        assert isinstance(found.test, NumberTest)
        assert (found.root, found.test.value) == (root, reasons["SKB_DROP_REASON_NO_SOCKET"])


def test_of_other_numbers_any_enumerator_of_the_kernel_is_the_name() -> None:
    found = check(recorded_kernel("6.12"), "sk_buff.mark == BPF_PROG_TYPE_XDP")
    assert isinstance(found.test, NumberTest)
    assert found.test.value == 6


def test_several_filters_must_all_hold(kernel: TypedKernel) -> None:
    found = placed(kernel, "sk_buff.mark", "sk_buff.len")
    assert type(found).__name__ == "All"
    assert len(list(checks(found))) == 2


def test_a_comparison_whose_root_is_not_there_is_not_true_and_neither_is_its_opposite(kernel: TypedKernel) -> None:
    texts = ("sk_buff.mark or count", "count and sk_buff.mark", "not count and sk_buff.mark")
    elsewhere = Prototype((Param("", SKB),), "void", "", 0)
    either, both, negated = (
        Placer(metadata_filter([text]), kernel).at(Passed(elsewhere, (SKB,), 6, returns=False), tolerant=False)
        for text in texts
    )
    assert isinstance(either, Check)
    assert (both, negated) == (NEVER, NEVER)


def test_arguments_beyond_the_registers_are_not_there(kernel: TypedKernel) -> None:
    with pytest.raises(UsageError, match="no probe has an argument of type or name count"):
        placed(kernel, "count", registers=2)


def test_what_matches_by_chance_may_have_other_arguments(kernel: TypedKernel) -> None:
    prototype = Prototype((Param("skb", "unsigned int"),), "void", "", 0)
    with pytest.raises(UsageError, match="skb is unsigned int, which has no members"):
        placed(kernel, "skb.mark", prototype=prototype, types=())
    with pytest.raises(UsageError, match="no probe has an argument"):
        placed(kernel, "skb.mark", prototype=prototype, types=(), tolerant=True)


@pytest.mark.parametrize(
    ("text", "character", "what", "hint"),
    [
        ("sk_buff.makr", 9, "struct sk_buff has no member makr", "did you mean mark"),
        ("sk_buff.dev.nmae == 'a'", 13, "struct net_device has no member nmae", "did you mean name"),
        ("sk_buf.mark", 1, "no probe has an argument of type or name sk_buf", "did you mean sk_buff"),
        ("orig_dve.mtu", 1, "no probe has an argument of type or name orig_dve", "did you mean orig_dev"),
        ("pskb.mark", 1, "no probe has an argument of type or name pskb", ""),
        ("retval", 1, "no probe is at a return", "kretprobe:"),
        ("sk_buff.mark.x", 14, "mark is ", ""),
        ("sk_buff.dev == 'x'", 16, "no string", ""),
        ("sk_buff.dev.name", 13, "choose one of its elements", ""),
        ("sk_buff.dev.nd_net == 1", 13, "go on with a member of it, like .net", ""),
        ("sk_buff.cb[48]", 9, "48 elements", ""),
        ("sk_buff.mark[0]", 9, "no array", ""),
        ("sk_buff.mark:1.x", 9, "a mask followed by a member needs a pointer", ""),
        ("sk_buff.mark:1:nf_conn.x", 9, "only pointers", ""),
        ("sk_buff.dev:1:nf_conn", 9, "one of its members must follow", ""),
        ("sk_buff.dev:1:no_such.x", 9, "no_such, to which dev is cast, is unknown", ""),
        ("sk_buff.dev.ifindex:1", 13, "signed: it cannot be masked", ""),
        ("sk_buff.dev.name:1 == 'x'", 13, "cannot be masked", ""),
        ("sk_buff.cloned:2", 9, "none of the 1 bits", ""),
        ("sk_buff.cloned == 2", 19, "0 to 1, never 2", ""),
        ("sk_buff.mark == -1", 17, "0 to 4294967295, never -1", ""),
        ("sk_buff.dev.ifindex > 3000000000", 23, "-2147483648 to 2147483647", ""),
        ("sk_buff.mark == NO_SUCH_NAME", 17, "no enumerator NO_SUCH_NAME", "give its number"),
        ("sk_buff.mark == 'a'", 17, "no string", "numbers have no quotation marks"),
        ("sk_buff.dev.name == eth0", 21, "which is compared with strings", 'strings have quotation marks: "eth0"'),
        ("name == eth0", 9, "which is compared with strings", 'strings have quotation marks: "eth0"'),
        ("sk_buff.dev.name > 'a'", 20, "with == and != only", ""),
        ("sk_buff.dev.name == 'seventeen-letters'", 21, "16 bytes, this has 17", ""),
        ("sk_buff.mark == 2001:db8::1", 17, "no place for an address of 16 bytes", ""),
        ("sk_buff.mark < 192.0.2.1", 16, "with == and != only", ""),
    ],
)
def test_what_does_not_fit_is_said_with_the_character_where_it_is(
    kernel: TypedKernel, text: str, character: int, what: str, hint: str
) -> None:
    with pytest.raises(UsageError) as caught:
        placed(kernel, text)
    assert caught.value.message.startswith(f"metadata filter, character {character}, ")
    assert what in caught.value.message
    assert hint in caught.value.hint


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("IP_INHDR", "did you mean SKB_DROP_REASON_IP_INHDR?"),
        ("ip_inhdr", "did you mean SKB_DROP_REASON_IP_INHDR?"),
        ("IP_INHD", "did you mean SKB_DROP_REASON_IP_INHDR?"),
        ("SKB_DROP_REASON_IP_INHD", "did you mean SKB_DROP_REASON_IP_INHDR"),
        ("'IP_INHDR'", "enumerators have no quotation marks: did you mean SKB_DROP_REASON_IP_INHDR?"),
        ("xyzzy", "there are SKB_NOT_DROPPED_YET, SKB_CONSUMED, SKB_DROP_REASON_NOT_SPECIFIED, …"),
        ("'…'", "enumerators have no quotation marks: there are SKB_NOT_DROPPED_YET, "),
    ],
)
def test_what_is_no_enumerator_of_an_enum_is_answered_with_those_that_it_has(value: str, hint: str) -> None:
    prototype = Prototype((Param("reason", "enum skb_drop_reason"),), "void", "", 0)
    with pytest.raises(UsageError) as caught:
        placed(recorded_kernel("6.12"), f"reason == {value}", prototype=prototype, types=())
    assert caught.value.hint.startswith(hint)


def test_of_other_numbers_near_enumerators_of_the_whole_kernel_may_be_meant() -> None:
    for value in ("PROG_TYPE_XDP", "BPF_PROG_TYPE_XPD"):
        with pytest.raises(UsageError, match="this kernel has no enumerator") as caught:
            placed(recorded_kernel("6.12"), f"sk_buff.mark == {value}")
        assert caught.value.hint.startswith("did you mean BPF_PROG_TYPE_XDP")


def test_a_filter_on_results_has_room_for_so_many_comparisons(kernel: TypedKernel) -> None:
    text = "retval and (" + " or ".join(f"count == {n}" for n in range(60)) + ")"
    with pytest.raises(UsageError, match="at most 60 comparisons"):
        placed(kernel, text, returns=True)
