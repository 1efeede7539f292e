"""Programs that ask a packet filter: what runs of other packets, and that all compile."""

from __future__ import annotations

import os

import pytest
from core.tests.compose.compiling import compiled
from core.tests.compose.ways import WAYS, every_way

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Composition, Machine
from tracer_core.filters.packet import packet_filter
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.plan import Plan, Shape
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request, parse_probe
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Gate

C = """static __always_inline int demo_{name}(struct tracer_ctx *ctx, struct tracer_event *event)
{{
	return TRACER_OK;
}}
"""
SKB, NAPI = "struct sk_buff *", "struct napi_struct *"
RECEIVE = "tp:net:netif_receive_skb"
FILTERS = ("vlan and icmp", "host 192.0.2.1 or ip6 host 2001:db8::1", "ether[0] == 2")


def planned(
    kernel: TypedKernel, way: str, *probes: str, filters: tuple[str, ...] = FILTERS, **gates: tuple[str, Gate]
) -> Plan:
    """A plan with a fragment for each of *gates*: what it needs, and when it runs."""
    fragments = tuple(
        Fragment(f"demo_{name}", BpfSource(C.format(name=name), f"{name}.bpf.c"), needs=(needs,), gate=gate)
        for name, (needs, gate) in gates.items()
    )
    declaration = Declaration(Owner("demo"), CollectorSpec("demo", "A test."), None, fragments=fragments)
    wanted = packet_filter(filters) if filters else None
    request = Request(tuple(map(parse_probe, probes)), netns=(1,), abilities=WAYS[way], filter=wanted)
    return plan([declaration], request, kernel)


def composed(kernel: TypedKernel, made: Plan) -> Composition:
    return compose(made, kernel, Machine(cpus=2))


def shape(made: Plan, at: int = 0) -> Shape:
    return made.shapes[made.probes[at].shape]


MATCHED, ALWAYS = (SKB, Gate.MATCHED), (SKB, Gate.ALWAYS)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: compiling makes maps")
@pytest.mark.bpf
@pytest.mark.parametrize(
    ("kernel", "way", "gates"),
    every_way(WAYS, {"matched": {"one": MATCHED}, "always": {"one": MATCHED, "two": ALWAYS}}),
    indirect=["kernel"],
)
def test_programs_compile_for_every_kernel_and_way_to_probe(
    kernel: TypedKernel, way: str, gates: dict[str, tuple[str, Gate]]
) -> None:
    at_return = "fexit:ip_rcv" if way == "trampolines" else "kretprobe:ip_rcv"
    more = () if way == "no functions" else ("ip_rcv", at_return)
    made = composed(kernel, planned(kernel, way, RECEIVE, *more, **gates))
    compiled(made)


def test_without_a_filter_nothing_of_it_is_in_the_text(kernel: TypedKernel) -> None:
    text = composed(kernel, planned(kernel, "trampolines", RECEIVE, filters=(), one=MATCHED)).text
    assert "tracer_filter" not in text
    assert "matched" not in text.replace("u64 matched", "")


def test_who_filters_follows(kernel: TypedKernel) -> None:
    made = planned(kernel, "trampolines", RECEIVE, one=MATCHED)
    assert made.tracking
    assert shape(made).filtered


def test_a_place_without_a_packet_is_of_no_use_but_to_those_who_run_always(kernel: TypedKernel) -> None:
    needs = {"one": (NAPI, Gate.MATCHED), "two": (NAPI, Gate.ALWAYS), "three": MATCHED}
    made = planned(kernel, "trampolines", "tp:napi:napi_poll", RECEIVE, **needs)
    names = [made.fragments[index].fragment.function for index in shape(made).fragments]
    assert names == ["demo_two"]
    assert not shape(made).filtered
    del needs["two"]
    made = planned(kernel, "trampolines", "tp:napi:napi_poll", RECEIVE, **needs)
    assert [str(probe) for probe in made.skipped] == ["tp:napi:napi_poll"]


def test_of_a_packet_that_does_not_match_only_what_always_runs_runs() -> None:
    kernel = recorded_kernel("6.12")
    both = composed(kernel, planned(kernel, "trampolines", RECEIVE, one=MATCHED, two=ALWAYS)).text
    program = both[both.index("int tracer_program_0(u64") :]
    assert "if (ctx->sk_buff && matched)\n\t\ttracer_judge(demo_one(" in program
    assert "if (ctx->sk_buff)\n\t\ttracer_judge(demo_two(" in program
    assert "if (!matched)" not in program
    one = composed(kernel, planned(kernel, "trampolines", RECEIVE, one=MATCHED)).text
    program = one[one.index("int tracer_program_0(u64") :]
    assert program.index("if (!matched)\n\t\treturn 0;") < program.index("tracer_begin(")


def test_at_returns_the_filter_is_asked_at_the_entry() -> None:
    kernel = recorded_kernel("6.12")
    text = composed(kernel, planned(kernel, "trampolines", "fexit:ip_rcv", one=MATCHED)).text
    entry = text[text.index("int tracer_entry_0(u64") : text.index("int tracer_program_0(u64")]
    program = text[text.index("int tracer_program_0(u64") :]
    assert entry.index("tracer_filter(ctx, ") < entry.index("if (!matched)") < entry.index("tracer_enter(")
    assert "tracer_filter(" not in program
    assert "bool matched = call.matched >> 0 & 1;" in program


def test_of_a_packet_that_does_not_match_neither_the_time_nor_the_namespace_is_asked() -> None:
    kernel = recorded_kernel("6.12")
    text = composed(kernel, planned(kernel, "trampolines", RECEIVE, "fexit:ip_rcv", one=MATCHED)).text
    program = text[text.index("int tracer_program_0(u64") :]
    entry = text[text.index("int tracer_entry_1(u64") :]
    assert program.index("tracer_filter(ctx, ") < program.index("bpf_ktime_get_ns()")
    assert program.index("tracer_filter(ctx, ") < program.index("tracer_wants_netns(ctx)")
    assert entry.index("tracer_filter(ctx, ") < entry.index("tracer_wants_netns(ctx)")
    assert program.index("tracer_wants_netns(ctx)") < program.index("tracer_track(ctx, ")
    assert entry.index("tracer_wants_netns(ctx)") < entry.index("tracer_track(ctx, ")
