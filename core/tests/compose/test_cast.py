"""Pointers that are loaded from an skb are not vouched for by the verifier, where that can be had."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

import pytest
from core.tests.compose.compiling import compiled

from tracer_core.backend.instructions import SIZE
from tracer_core.compose.compose import compose
from tracer_core.compose.composition import KERNEL_FUNCTION, Machine
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Probe
from tracer_core.wire import U32, section

if TYPE_CHECKING:
    from tracer_core.kernel.btf import Btf
    from tracer_core.kernel.btf_types import BtfType

CALL = 0x85
CAST = 65477
RECEIVE = Probe.tracepoint("net:netif_receive_skb")
SOURCE = """
static __always_inline int walk_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_walk *walk = tracer_add(event, walk);

	if (!walk)
		return TRACER_NOTHING;
	walk->value = TRACER_GET(ctx, ctx->sk_buff, WALK_MEMBER) != 0;
	return TRACER_OK;
}
"""


@section("walk")
class Walk(NamedTuple):
    value: U32


class _Types:
    """Those of a recorded kernel, which has few functions, and the one that casts."""

    def __init__(self, btf: Btf) -> None:
        self._btf = btf

    def __getattr__(self, name: str) -> object:
        return getattr(self._btf, name)

    def find(self, name: str, *kinds: object) -> BtfType | SimpleNamespace | None:
        return SimpleNamespace(id=CAST) if name == "bpf_rdonly_cast" else self._btf.find(name, *kinds)  # type: ignore[arg-type]


def kernel_calls(monkeypatch: pytest.MonkeyPatch, member: str, abilities: Fixed, *, has: bool = True) -> list[int]:
    """Ids of the kernel functions that a program calls which reads a member of an skb."""
    kernel = recorded_kernel("6.12")
    if has:
        monkeypatch.setattr(kernel, "btf", _Types(kernel.btf))
    source = BpfSource(SOURCE.replace("WALK_MEMBER", member), "walk/walk.bpf.c")
    fragment = Fragment("walk_collect", source, needs=("struct sk_buff *",), emits=(Walk,))
    declaration = Declaration(
        Owner("walk"), CollectorSpec("walk", "A test.", sections=(Walk,)), None, fragments=(fragment,)
    )
    made = plan([declaration], Request((RECEIVE,), abilities=abilities), kernel)
    composition = compose(made, kernel, Machine(cpus=2))
    (code,) = compiled(composition).code.values()
    calls = [code[at : at + SIZE] for at in range(0, len(code), SIZE) if code[at] == CALL]
    numbers = [int.from_bytes(call[4:], "little") for call in calls]
    return [number - KERNEL_FUNCTION for number in numbers if number & KERNEL_FUNCTION]


@pytest.mark.parametrize("member", ["dev", "sk"])
def test_a_pointer_to_a_structure_is_loaded_from_a_cast_skb(monkeypatch: pytest.MonkeyPatch, member: str) -> None:
    assert kernel_calls(monkeypatch, member, Fixed()) == [CAST]


@pytest.mark.parametrize("member", ["len", "data", "skb_iif"])
def test_what_is_no_such_pointer_is_loaded_as_it_is(monkeypatch: pytest.MonkeyPatch, member: str) -> None:
    assert kernel_calls(monkeypatch, member, Fixed()) == []


@pytest.mark.parametrize(
    ("abilities", "has"),
    [(Fixed(), False), (Fixed(casts=False), True), (Fixed(typed=False), True)],
    ids=["no such function", "it cannot be called", "nothing is loaded plainly"],
)
def test_where_it_cannot_be_had_or_helps_nothing_no_pointer_is_cast(
    monkeypatch: pytest.MonkeyPatch, abilities: Fixed, *, has: bool
) -> None:
    assert kernel_calls(monkeypatch, "dev", abilities, has=has) == []
