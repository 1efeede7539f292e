"""Programs that ask a metadata filter: when, what runs of what does not match, and that all compile."""

from __future__ import annotations

import os

import pytest
from core.tests.compose.compiling import compiled
from core.tests.compose.ways import WAYS, every_way

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Composition, Machine
from tracer_core.errors import UsageError
from tracer_core.filters.metadata.condition import NEVER
from tracer_core.filters.metadata.wanted import metadata_filter
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
SKB, DEV, NAPI = "struct sk_buff *", "struct net_device *", "struct napi_struct *"
RECEIVE, POLL = "tp:net:netif_receive_skb", "tp:napi:napi_poll"
FILTERS = (
    "sk_buff._nfct:~0x7:nf_conn.mark or sk_buff.dev:~0.name == 'a-longer-name'",
    "sk_buff.pkt_type == 0 || (sk_buff.mark == 0x100 && sk_buff.cloned == 0)",
    "not sk_buff.dev.perm_addr == 02:00:00:00:00:01/40 or sk_buff.sk.__sk_common.skc_v6_daddr == 2001:db8::/32",
    "sk_buff.cb[3] > 0 or sk_buff:~0x0.len or sk_buff.dev != 0",
)


def planned(
    kernel: TypedKernel,
    way: str,
    *probes: str,
    filters: tuple[str, ...] = FILTERS,
    packet: str = "",
    **gates: tuple[str, Gate],
) -> Plan:
    """A plan with a fragment for each of *gates*: what it needs, and when it runs."""
    fragments = tuple(
        Fragment(f"demo_{name}", BpfSource(C.format(name=name), f"{name}.bpf.c"), needs=(needs,), gate=gate)
        for name, (needs, gate) in gates.items()
    )
    declaration = Declaration(Owner("demo"), CollectorSpec("demo", "A test."), None, fragments=fragments)
    request = Request(
        tuple(map(parse_probe, probes)),
        netns=(1,),
        abilities=WAYS[way],
        filter=packet_filter([packet]) if packet else None,
        metadata=metadata_filter(filters),
    )
    return plan([declaration], request, kernel)


def composed(kernel: TypedKernel, made: Plan) -> Composition:
    return compose(made, kernel, Machine(cpus=2))


def shape(made: Plan, at: int = 0) -> Shape:
    return made.shapes[made.probes[at].shape]


def program(made: Composition, name: str) -> str:
    start = made.text.index(f"int {name}(u64")
    return made.text[start : made.text.index("#line", start) if "#line" in made.text[start:] else None]


MATCHED, PACKET, ALWAYS = (SKB, Gate.MATCHED), (SKB, Gate.PACKET), (SKB, Gate.ALWAYS)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: compiling makes maps")
@pytest.mark.bpf
@pytest.mark.parametrize(
    ("kernel", "way", "packet"),
    every_way(WAYS, {"metadata only": "", "both filters": "vlan and icmp"}),
    indirect=["kernel"],
)
def test_programs_compile_for_every_kernel_and_way_to_probe(kernel: TypedKernel, way: str, packet: str) -> None:
    functions = ("ip_rcv", "kretprobe:ip_rcv" if way == "kprobes" else "fexit:ip_rcv")
    probes: tuple[str, ...] = (RECEIVE,)
    filters: tuple[str, ...] = FILTERS
    if way != "no functions":
        probes, filters = (RECEIVE, *functions), (*FILTERS, "retval < 0 or skb.mark or orig_dev.mtu > 3")
    made = composed(
        kernel, planned(kernel, way, *probes, filters=filters, packet=packet, one=MATCHED, two=PACKET, three=ALWAYS)
    )
    compiled(made)


def test_the_packet_filter_comes_before_that_of_metadata_and_both_before_all_else() -> None:
    kernel = recorded_kernel("6.12")
    text = program(
        composed(kernel, planned(kernel, "trampolines", RECEIVE, packet="icmp", one=MATCHED)), "tracer_program_0"
    )
    steps = (
        "matched = tracer_knows(head);",
        "packet = matched || (ctx->sk_buff && tracer_filter(ctx, &offsets));",
        "matched = matched || (packet && tracer_metadata_0(ctx));",
        "if (!matched)\n\t\treturn 0;",
        "bpf_ktime_get_ns()",
        "tracer_wants_netns(ctx)",
        "(matched && tracer_track(ctx, at, &tracked))",
        "tracer_begin(",
    )
    places = [text.index(step) for step in steps]
    assert places == sorted(places)


def test_who_asks_for_what_matches_the_packet_filter_alone_does_not_wait_for_metadata() -> None:
    kernel = recorded_kernel("6.12")
    text = program(
        composed(kernel, planned(kernel, "trampolines", RECEIVE, packet="icmp", one=MATCHED, two=PACKET)),
        "tracer_program_0",
    )
    assert "if (!packet)\n\t\treturn 0;" in text
    assert "if (ctx->sk_buff && matched)\n\t\ttracer_judge(demo_one(" in text
    assert "if (ctx->sk_buff)\n\t\ttracer_judge(demo_two(" in text


def test_a_place_without_a_packet_is_judged_by_its_other_arguments() -> None:
    kernel = recorded_kernel("6.12")
    wanted = ("napi_struct.weight > 3",)
    made = planned(kernel, "trampolines", POLL, RECEIVE, filters=wanted, one=(NAPI, Gate.MATCHED), two=MATCHED)
    poll, receive = shape(made), shape(made, 1)
    assert (poll.is_judging, poll.sight) == (True, None)
    text = program(composed(kernel, made), "tracer_program_0")
    assert "if (!matched)" in text
    assert "tracer_knows" not in text
    # there, only packets that are followed already
    assert receive.condition == NEVER
    assert "packet && tracer_metadata_1(ctx)" in program(composed(kernel, made), "tracer_program_1")


def test_where_nothing_can_match_only_what_always_runs_does() -> None:
    kernel = recorded_kernel("6.12")
    napi = {gate: (NAPI, gate) for gate in Gate}
    made = planned(
        kernel,
        "trampolines",
        POLL,
        RECEIVE,
        filters=("sk_buff.mark",),
        one=napi[Gate.MATCHED],
        two=napi[Gate.ALWAYS],
        three=MATCHED,
    )
    assert [made.fragments[index].fragment.function for index in shape(made).fragments] == ["demo_two"]
    assert not shape(made).is_judging


def test_of_a_result_all_else_is_asked_at_the_entry_and_the_rest_at_the_return() -> None:
    kernel = recorded_kernel("6.12")
    made = composed(
        kernel, planned(kernel, "trampolines", "fexit:ip_rcv", filters=("retval < 0 and skb.mark == 3",), one=MATCHED)
    )
    entry, text = program(made, "tracer_entry_0"), program(made, "tracer_program_0")
    assert "call.matched |= tracer_metadata_0_before(ctx) << 2;" in entry
    assert "if (!packet)\n\t\treturn 0;" in entry
    assert "matched = tracer_metadata_0_after(ctx, call.matched >> 2, args[4]);" in text
    assert "if (!matched)\n\t\treturn 0;" in text
    assert "tracer_metadata_0_after(" not in entry


def test_without_a_result_in_it_a_filter_is_asked_at_the_entry_alone() -> None:
    kernel = recorded_kernel("6.12")
    made = composed(kernel, planned(kernel, "kprobes", "kretprobe:ip_rcv", filters=("skb.mark == 3",), one=MATCHED))
    assert "tracer_metadata_0(ctx)" in program(made, "tracer_entry_0")
    assert "tracer_metadata_0" not in program(made, "tracer_program_0")


def test_places_that_are_given_the_same_share_a_program() -> None:
    kernel = recorded_kernel("6.12")
    made = planned(kernel, "kprobes", "ip_rcv", "ip_rcv_core", filters=("skb.mark",), one=MATCHED)
    assert made.probes[0].shape == made.probes[1].shape


def test_a_filter_that_fits_no_probe_is_an_error_before_anything_is_attached(kernel: TypedKernel) -> None:
    with pytest.raises(
        UsageError, match=r"no probe has an argument of type or name no_such; did you mean|choose another"
    ):
        planned(kernel, "trampolines", RECEIVE, filters=("no_such.mark",), one=MATCHED)
