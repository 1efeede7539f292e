"""Compiled reads against BTF: every member that any fragment names, read both ways from memory of random bytes."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.kernel.btf import Btf
from tracer_core.kernel.btf_types import BtfMember, BtfType, Kind
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.plugins.declare import check, declare
from tracer_core.plugins.host import Host
from tracer_core.testing.trial import MEMORY_SIZE, Trial
from tracer_core.types import BpfSource, CollectorSpec, Fragment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.compose.composition import Composition
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.plan import Plan

pytestmark = pytest.mark.bpf

_RESULTS = 8192  # where in the memory the readers leave what they read
_MEMBER_OFFSET = re.compile(r"__builtin_offsetof\((struct|union) (\w+), (\w+)\) == (\d+)")
_BIT_FIELD = re.compile(r"^TRACER_BIT_FIELD\((\w+), (\w+),", re.MULTILINE)
_READABLE = {1, 2, 4, 8}

_BIT_FIELDS = ("ip_summed", "pkt_type", "csum_level", "cloned", "nohdr", "fclone", "pfmemalloc", "csum_valid")
_PLAIN = ("hash", "mark", "priority", "vlan_tci", "skb_iif", "_nfct")


def _wide() -> Declaration:
    """A collector that names more members than ours do, of many shapes: the way of reading is what is tested."""
    reads = [f"TRACER_GET_BITS(ctx, ctx->sk_buff, sk_buff, {name})" for name in _BIT_FIELDS]
    reads += [f"TRACER_GET(ctx, ctx->sk_buff, {name})" for name in _PLAIN]
    text = f"""
static __always_inline int wide_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{{
	return {" + ".join(reads)} == 42 ? TRACER_OK : TRACER_NOTHING;
}}
"""
    fragment = Fragment("wide_collect", BpfSource(text, "wide.bpf.c"), needs=("struct sk_buff *",))
    return Declaration(Owner("wide"), CollectorSpec("wide", "Names many members."), None, fragments=(fragment,))


def _composition(kernel: TypedKernel) -> tuple[Plan, Composition]:
    able = [each for each in Host().usable() if check(each, kernel, each.spec.options()) is None]
    declarations = [*(declare(each, kernel, each.spec.options()) for each in able), _wide()]
    probes = (parse_probe("tp:net:netif_receive_skb"), parse_probe("tp:net:net_dev_start_xmit"))
    made = plan(declarations, Request(probes, netns=(1,), abilities=Fixed(typed=False)), kernel)
    return made, compose(made, kernel, running_machine())


class Named(NamedTuple):
    """A member that the composed text names, and the types that describe it: vmlinux' or a module's."""

    btf: Btf
    aggregate: BtfType
    member: BtfMember

    def can_be_read(self) -> bool:
        """Whether it is a plain number within the memory that readers are given."""
        kind = self.btf.resolve(self.member.type_id)
        return (
            kind.kind in (Kind.INT, Kind.PTR, Kind.ENUM, Kind.ENUM64)
            and self.btf.size_of(self.member.type_id) in _READABLE
            and kind.name != "_Bool"
            and (self.member.bit_offset + 64) // 8 <= _RESULTS
        )

    def expected(self, memory: bytes) -> int:
        """The member's value as BTF places it, widened to 64 bits as C widens it."""
        whole = int.from_bytes(memory, "little") >> self.member.bit_offset
        bits = self.member.bit_size or self.btf.size_of(self.member.type_id) * 8
        value = whole & (1 << bits) - 1
        kind = self.btf.resolve(self.member.type_id)
        signed = not self.member.bit_size and kind.signed and value >> bits - 1
        return (value - (1 << bits)) % (1 << 64) if signed else value


def _named(kernel: TypedKernel, text: str) -> Iterator[Named]:
    """What the composed text declares, as BTF describes it."""
    declared = [(tag, name, Kind[keyword.upper()]) for keyword, tag, name, _ in _MEMBER_OFFSET.findall(text)]
    for tag, name, kind in (*declared, *((tag, name, Kind.STRUCT) for tag, name in _BIT_FIELD.findall(text))):
        found = kernel.find(tag, kind)
        assert found is not None, tag
        module, aggregate = found
        btf = kernel.module_btf(module)
        yield Named(btf, aggregate, next(m for m in btf.members(aggregate) if m.name == name))


def _reader(number: int, named: Named, *, typed: bool) -> str:
    aggregate, member = named.aggregate, named.member
    keyword = "union" if aggregate.kind is Kind.UNION else "struct"
    read = (
        f"TRACER_GET_BITS(ctx, p, {aggregate.name}, {member.name})"
        if member.bit_size
        else f"(u64)TRACER_GET(ctx, p, {member.name})"
    )
    return f"""
int reader_{int(typed)}_{number}(u64 *args)
{{
	struct tracer_ctx context = {{}}, *ctx = &context;
	u32 key = 0;
	struct tracer_trial *trial = tracer_trial.lookup(&key);
	if (!trial)
		return 0;
	{keyword} {aggregate.name} *p = (void *)trial->memory;
	ctx->typed = {int(typed)};
	*(u64 *)(trial->memory + {_RESULTS}) = {read};
	return 0;
}}
"""


@pytest.fixture(scope="module")
def readers() -> Iterator[tuple[Trial, list[Named]]]:
    kernel = LiveKernel()
    made, composition = _composition(kernel)
    members = [each for each in _named(kernel, composition.text) if each.can_be_read()]
    functions: dict[str, str] = {}
    for number, each in enumerate(members):
        for typed in (False, True):
            functions[f"reader_{int(typed)}_{number}"] = _reader(number, each, typed=typed)
    with Trial(made, composition, extra="".join(functions.values()), functions=list(functions)) as trial:
        yield trial, members


@pytest.mark.parametrize("typed", [False, True], ids=["probe reads", "plain loads"])
def test_compiled_reads_of_every_named_member_agree_with_btf(readers: tuple[Trial, list[Named]], typed: bool) -> None:
    trial, members = readers
    assert {"len", "head", "mac_header", "inum", "skc_net", "ip_summed", "pkt_type"} & {
        each.member.name for each in members
    }
    wrong = []
    for seed in range(3):
        memory = random.Random(seed).randbytes(MEMORY_SIZE)  # noqa: S311 - test data
        for number, each in enumerate(members):
            trial.memory[:] = memory
            trial.call(f"reader_{int(typed)}_{number}")
            got = int.from_bytes(trial.memory[_RESULTS : _RESULTS + 8], "little")
            if got != each.expected(memory):
                name = f"{each.aggregate.name}.{each.member.name}"
                wrong.append(f"{name}: read {got:#x}, BTF says {each.expected(memory):#x}")
    assert not wrong


def test_bit_fields_are_among_the_members_compared(
    readers: tuple[Trial, list[Named]],
) -> None:
    assert sum(1 for each in readers[1] if each.member.bit_size) >= 5
