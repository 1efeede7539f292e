"""The text of programs that follow packets."""

from __future__ import annotations

import os

import pytest
from core.tests.compose.compiling import compiled
from core.tests.compose.ways import WAYS, every_way

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Composition, Machine
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request, parse_probe
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment

SOURCE = BpfSource(
    """
static __always_inline int demo_see(struct tracer_ctx *ctx, struct tracer_event *event)
{
	return TRACER_OK;
}
""",
    "demo/demo.bpf.c",
)
RECEIVE = "tp:net:netif_receive_skb"
WHERE_DATA_MOVES = ("pskb_expand_head", "kprobe:kfree_skb_partial", "kretprobe:pskb_expand_head")


def composed(
    kernel: TypedKernel, way: str, *probes: str, needs: str = "struct tracer_tracked *", sort: bool = False
) -> Composition:
    fragment = Fragment("demo_see", SOURCE, needs=(needs,))
    declaration = Declaration(Owner("demo"), CollectorSpec("demo", "A test."), None, fragments=(fragment,))
    request = Request(tuple(map(parse_probe, probes)), netns=(1,), abilities=WAYS[way], sort=sort)
    return compose(plan([declaration], request, kernel), kernel, Machine(cpus=2))


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: compiling makes maps")
@pytest.mark.bpf
@pytest.mark.parametrize(
    ("kernel", "way", "sort"), every_way(WAYS, {"plain": False, "sort": True}), indirect=["kernel"]
)
def test_programs_compile_for_every_kernel_and_way_to_probe(kernel: TypedKernel, way: str, sort: bool) -> None:
    probes = (RECEIVE,) if way == "no functions" else (RECEIVE, *WHERE_DATA_MOVES)
    made = composed(kernel, way, *probes, sort=sort)
    compiled(made)


def test_without_tracking_nothing_of_it_is_in_the_text(kernel: TypedKernel) -> None:
    text = composed(kernel, "trampolines", RECEIVE, needs="struct sk_buff *").text
    assert "tracer_tracking" not in text
    assert "TRACER_CALLS" not in text.partition("#line")[0]


def test_helpers_on_trampolines_need_no_table_of_calls_and_those_on_kretprobes_do(kernel: TypedKernel) -> None:
    assert "#define TRACER_CALLS" not in composed(kernel, "trampolines", RECEIVE).text
    assert "#define TRACER_CALLS" in composed(kernel, "kprobes", RECEIVE).text


def test_programs_know_who_tells_of_data_only_if_somebody_sorts(kernel: TypedKernel) -> None:
    assert "ctx->probe" not in composed(kernel, "trampolines", RECEIVE).text.rpartition("#endif")[2]
    text = composed(kernel, "trampolines", RECEIVE, sort=True).text
    assert "#define TRACER_TRACKED_DATA\n" in text
    helpers = text[text.index("int tracer_program_1(u64") :].split("\nint tracer_")
    assert len(helpers) > 2
    assert all("\tctx->probe = probe;\n" in helper for helper in helpers)
    # data that will move is told of once, whoever else is there
    again = composed(kernel, "trampolines", RECEIVE, "pskb_expand_head", sort=True).text
    note = "tracer_note(ctx, (struct sk_buff *)TRACER_ARG(ctx, 0), {});"
    assert (again.count(note.format("true")), again.count(note.format("false"))) == (1, 1)


def test_helpers_do_not_ask_for_network_namespaces(kernel: TypedKernel) -> None:
    text = composed(kernel, "kprobes", RECEIVE).text
    helpers = text[text.index("tracer_program_1(u64") :]
    assert "tracer_wants_netns" not in helpers


def test_a_program_where_data_is_freed_forgets_the_packet_however_it_ends() -> None:
    text = composed(recorded_kernel("6.1"), "trampolines", "skb_free_head").text
    program = text[text.index("int tracer_program_0(u64") :]
    assert program.index("tracer_body_0(args);") < program.index("tracer_freed_packet(ctx, ")
    assert "static __always_inline int tracer_body_0(u64 *args)" in text
