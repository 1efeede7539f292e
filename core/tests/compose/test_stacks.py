"""The text of programs that tell their stack of a packet, or inherit the stack's."""

from __future__ import annotations

import os

import pytest
from core.tests.compose.compiling import compiled
from core.tests.compose.ways import every_way

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Composition, Machine
from tracer_core.filters.packet import packet_filter
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plan.tracking import TRACKED
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Gate, ProbeKind

C = """static __always_inline int demo_{name}(struct tracer_ctx *ctx, struct tracer_event *event)
{{
	return TRACER_OK;
}}
"""
DEVICE = "struct net_device *"
WAYS = {
    "trampolines": Fixed(),
    "kprobes": Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,)),
    "kprobes without cookies": Fixed(
        entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,), cookies=False, multi=False
    ),
}
RETURNS = {"trampolines": "fexit", "kprobes": "kretprobe", "kprobes without cookies": "kretprobe"}
RECEIVE, POLL, NO_PACKET = "tp:net:netif_receive_skb", "tp:napi:napi_poll", "register_netdevice"


@pytest.fixture(params=recorded_names())
def kernel(request: pytest.FixtureRequest) -> TypedKernel:
    return recorded_kernel(request.param)


def composed(
    kernel: TypedKernel,
    *probes: str,
    way: str = "trampolines",
    follow: bool = False,
    filtered: bool = False,
    needs: tuple[tuple[str, Gate], ...] = ((TRACKED, Gate.MATCHED),),
) -> Composition:
    fragments = tuple(
        Fragment(f"demo_see{n}", BpfSource(C.format(name=f"see{n}"), f"see{n}.bpf.c"), needs=(need,), gate=gate)
        for n, (need, gate) in enumerate(needs)
    )
    declaration = Declaration(Owner("demo"), CollectorSpec("demo", "A test."), None, fragments=fragments)
    request = Request(
        tuple(map(parse_probe, probes)),
        netns=(1,),
        abilities=WAYS[way],
        filter=packet_filter(["icmp"]) if filtered else None,
        follow_stack=follow,
    )
    return compose(plan([declaration], request, kernel), kernel, Machine(cpus=2))


def function(text: str, name: str) -> str:
    """A program's text."""
    begin = text.index(f"int {name}(u64")
    return text[begin : text.index("\n}\n", begin)]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: compiling makes maps")
@pytest.mark.bpf
@pytest.mark.parametrize(
    ("kernel", "way", "filtered", "needs"),
    every_way(
        WAYS,
        {"all": False, "filtered": True},
        {
            "tracked": ((TRACKED, Gate.MATCHED),),
            "more": ((TRACKED, Gate.MATCHED), (DEVICE, Gate.ALWAYS), (DEVICE, Gate.MATCHED)),
        },
    ),
    indirect=["kernel"],
)
def test_programs_compile_for_every_kernel_and_way_to_probe(
    kernel: TypedKernel, way: str, *, filtered: bool, needs: tuple[tuple[str, Gate], ...]
) -> None:
    probes = (
        *(RECEIVE, POLL, "ip_rcv/ftrace", f"{RETURNS[way]}:ip_output/ftrace", f"{RETURNS[way]}:ip_rcv_core"),
        *(f"{NO_PACKET}/ftrace", f"{RETURNS[way]}:{NO_PACKET}", f"{RETURNS[way]}:unregister_netdevice_queue"),
    )
    made = composed(kernel, *probes, way=way, follow=True, filtered=filtered, needs=needs)
    compiled(made)


def test_without_either_nothing_of_it_is_in_the_text(kernel: TypedKernel) -> None:
    text = composed(kernel, RECEIVE, "ip_rcv").text
    assert "tracer_stacks" not in text
    assert "TRACER_THREAD_SIZE" not in text.replace("#ifdef TRACER_THREAD_SIZE", "")
    assert "tracer_meet" not in text


def test_marks_alone_take_one_level_and_windows_more(kernel: TypedKernel) -> None:
    assert "#define TRACER_LEVELS 1\n" in composed(kernel, RECEIVE, follow=True).text
    with_windows = composed(kernel, "ip_rcv/ftrace").text
    assert "#define TRACER_LEVELS 16\n" in with_windows
    assert "#define TRACER_FOLLOW_STACK 0\n" in with_windows


def test_the_stack_is_told_of_a_packet_before_it_is_judged_and_whose_it_is_after(kernel: TypedKernel) -> None:
    program = function(composed(kernel, RECEIVE, follow=True, filtered=True).text, "tracer_program_0")
    steps = ("= tracer_meet(ctx, ", "tracer_filter(", "tracer_wants_netns(", "tracer_met(ctx, ", "tracer_begin(")
    places = [program.index(step) for step in steps]
    assert places == sorted(places)


def test_a_place_that_inherits_asks_for_no_namespace_and_no_filter_of_its_own(kernel: TypedKernel) -> None:
    program = function(composed(kernel, RECEIVE, POLL, follow=True, filtered=True).text, "tracer_program_1")
    assert "tracer_inherit(bpf_ktime_get_ns(), tracer_number((u64 *)&args), &tracked)" in program
    assert "tracer_wants_netns(" not in program
    assert "tracer_filter(" not in program
    assert "} else {\n\t\treturn 0;\n\t}" in program


def test_what_needs_no_packet_runs_there_as_ever(kernel: TypedKernel) -> None:
    needs = ((TRACKED, Gate.MATCHED), (DEVICE, Gate.ALWAYS), (DEVICE, Gate.MATCHED))
    text = composed(kernel, RECEIVE, NO_PACKET, follow=True, filtered=True, needs=needs).text
    program = function(text, "tracer_program_1")
    assert "} else {\n\t\tif (!tracer_wants_netns(ctx))\n\t\t\treturn 0;\n\t}" in program
    assert "if (ctx->net_device)\n\t\ttracer_judge(demo_see1(" in program
    assert "if (ctx->net_device && inherited)\n\t\ttracer_judge(demo_see2(" in program


def test_a_window_closes_at_the_return_whether_the_call_is_known_or_not() -> None:
    kernel = recorded_kernel("6.12")
    text = composed(kernel, "kretprobe:ip_rcv/ftrace", way="kprobes").text
    assert "tracer_open(ctx, bpf_ktime_get_ns(), args[TRACER_STACK_POINTER])" in function(text, "tracer_entry_0")
    program = function(text, "tracer_program_0")
    closed = program.index("tracer_close(args[TRACER_STACK_POINTER] - TRACER_POPPED);")
    assert closed < program.index("tracer_leave(")


def test_where_only_the_entry_is_probed_a_helper_closes_the_window(kernel: TypedKernel) -> None:
    text = composed(kernel, "fentry:ip_rcv/ftrace").text
    assert "tracer_close(" not in function(text, "tracer_program_0")
    assert "tracer_close(tracer_number((u64 *)&args));" in function(text, "tracer_program_1")
    assert "tracer_entry_1" not in text
