from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

import pytest
from core.tests.compose.compiling import compiled

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import NETNS, Composition, Machine
from tracer_core.compose.names import argument_name
from tracer_core.errors import PluginError
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Getter, Probe, ProbeKind
from tracer_core.wire import U32, section

RECEIVE = Probe.tracepoint("net:netif_receive_skb")
TRANSMIT = Probe.tracepoint("net:net_dev_start_xmit")
NAPI = Probe.tracepoint("napi:napi_poll")
MACHINE = Machine(cpus=2)
SOURCE = BpfSource(
    """
static __always_inline int demo_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_demo *demo = tracer_add(event, demo);
	if (!demo)
		return TRACER_NOTHING;
	demo->value = TRACER_GET(ctx, ctx->net_device, ifindex) + DEMO_PLUS;
	return TRACER_OK;
}
static __always_inline struct net_device *demo_device(struct tracer_ctx *ctx)
{
	return TRACER_GET(ctx, ctx->napi_struct, dev);
}
""",
    "demo/demo.bpf.c",
    (("DEMO_PLUS", 5),),
)


@section("demo")
class Demo(NamedTuple):
    value: U32


FRAGMENT = Fragment("demo_collect", SOURCE, needs=("struct net_device *",), emits=(Demo,))
GETTER = Getter("demo_device", SOURCE, "struct net_device *", ("struct napi_struct *",))


def demo(*fragments: Fragment, getters: tuple[Getter, ...] = ()) -> Declaration:
    return Declaration(
        Owner("demo"), CollectorSpec("demo", "A test.", sections=(Demo,)), None, fragments=fragments, getters=getters
    )


def composed(kernel: TypedKernel, declaration: Declaration, request: Request) -> Composition:
    return compose(plan([declaration], request, kernel), kernel, MACHINE)


def test_equal_plans_give_equal_text(kernel: TypedKernel) -> None:
    request = Request((TRANSMIT,), netns=(1, 2))
    assert composed(kernel, demo(FRAGMENT), request) == composed(kernel, demo(FRAGMENT), request)


def test_fragments_stand_in_the_text_with_their_defines_and_origin(kernel: TypedKernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((TRANSMIT,))).text
    start = text.index('#line 1 "demo/demo.bpf.c"')
    assert "#define DEMO_PLUS 5" in text[:start]
    assert "#undef DEMO_PLUS" in text[start:]
    assert "tracer_judge(demo_collect(ctx, event));" in text


def test_no_stub_is_left_in_the_text(kernel: TypedKernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((TRANSMIT,), netns=(3,))).text
    program = text[text.index("int tracer_program_0") :]
    assert "TRACER_STUB" not in program


def test_argument_positions_are_constants(kernel: TypedKernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((TRANSMIT,))).text
    assert "ctx->net_device = (struct net_device *)TRACER_ARG(ctx, 1);" in text


def test_which_network_namespaces_are_meant_changes_nothing_but_how_many_does(kernel: TypedKernel) -> None:
    one, other, two = (
        composed(kernel, demo(FRAGMENT), Request((TRANSMIT,), netns=netns)).text for netns in ((17,), (42,), (17, 42))
    )
    assert one == other
    assert f"(inum) == tracer_constant({NETNS:#x}) || (inum) == tracer_constant({NETNS + 1:#x})" in two


def test_the_same_source_for_two_fragments_stands_once(kernel: TypedKernel) -> None:
    twice = demo(FRAGMENT, replace(FRAGMENT, function="demo_collect", needs=("struct sk_buff *",)))
    text = composed(kernel, twice, Request((TRANSMIT,))).text
    assert text.count('#line 1 "demo/demo.bpf.c"') == 1


def test_one_source_with_different_defines_is_refused(kernel: TypedKernel) -> None:
    other = replace(FRAGMENT, source=replace(SOURCE, defines=(("DEMO_PLUS", 6),)))
    with pytest.raises(PluginError, match=r"demo/demo\.bpf\.c is used with different text or defines"):
        composed(kernel, demo(FRAGMENT, other), Request((TRANSMIT,)))


@pytest.mark.parametrize(
    ("needs", "any_of", "call"),
    [
        ((), (), "\ttracer_judge(demo_collect("),
        (("struct net_device *",), (), "\tif (ctx->net_device)\n\t\ttracer_judge(demo_collect("),
        (
            ("struct sk_buff *", "struct net_device *"),
            (),
            "\tif (ctx->sk_buff && ctx->net_device)\n\t\ttracer_judge(demo_collect(",
        ),
        ((), ("struct sk_buff *", "struct net_device *"), "\n\ttracer_judge(demo_collect("),
        (
            ("struct net_device *",),
            ("struct sk_buff *",),
            "\tif (ctx->net_device)\n\t\ttracer_judge(demo_collect(",
        ),
    ],
)
def test_a_fragment_is_called_if_no_pointer_that_it_needs_is_null(
    kernel: TypedKernel, needs: tuple[str, ...], any_of: tuple[str, ...], call: str
) -> None:
    text = composed(kernel, demo(replace(FRAGMENT, needs=needs, any_of=any_of)), Request((TRANSMIT,))).text
    assert call in text
    for c_type in (*needs, *any_of):  # it is given them all
        assert f"= ({c_type})TRACER_ARG(ctx, " in text


def test_numbers_that_a_fragment_needs_may_be_zero() -> None:
    fragment = replace(FRAGMENT, needs=("struct sk_buff *", "enum skb_drop_reason"))
    text = composed(recorded_kernel("6.12"), demo(fragment), Request((Probe.tracepoint("skb:kfree_skb"),))).text
    assert "\tif (ctx->sk_buff)\n\t\ttracer_judge(demo_collect(" in text


def test_a_getter_is_called_if_no_pointer_that_it_needs_is_null(kernel: TypedKernel) -> None:
    text = composed(kernel, demo(FRAGMENT, getters=(GETTER,)), Request((NAPI,))).text
    assert "\tif (!ctx->net_device && ctx->napi_struct)\n\t\tctx->net_device = demo_device(ctx);" in text


@pytest.mark.parametrize(
    ("c_type", "name"),
    [
        ("struct sk_buff *", "sk_buff"),
        ("struct sk_buff **", "sk_buff_p"),
        ("enum skb_drop_reason", "skb_drop_reason"),
        ("u32", "u32"),
    ],
)
def test_arguments_are_named_after_their_type(c_type: str, name: str) -> None:
    assert argument_name(c_type) == name


def test_a_type_that_cannot_be_named_is_refused() -> None:
    with pytest.raises(PluginError, match="cannot be an argument type"):
        argument_name("int (*)(void)")


@pytest.mark.parametrize(("architecture", "word"), [("x86_64", 13), ("aarch64", 1)])
def test_a_kprobe_finds_arguments_where_the_architecture_puts_them(
    kernel: TypedKernel, architecture: str, word: int
) -> None:
    for cookies in (False, True):
        request = Request((Probe(ProbeKind.KPROBE, "ip_rcv"),), abilities=Fixed(cookies=cookies))
        text = compose(plan([demo(FRAGMENT)], request, kernel), kernel, Machine(2, architecture=architecture)).text
        assert f"(n) == 1 ? {word} :" in text
        assert f"(call)->args[1] = (from)[{word}];" in text
        assert "ctx->registers = 1;" in text
        place = "call.args[TRACER_POSITION(cookie, 0)]" if cookies else "TRACER_ARG(ctx, 1)"
        assert f"ctx->net_device = (struct net_device *){place};" in text


@pytest.mark.parametrize(("architecture", "frame"), [("x86_64", (19, 8)), ("aarch64", (31, 0))])
def test_a_call_is_known_by_its_frame_when_it_returns(
    kernel: TypedKernel, architecture: str, frame: tuple[int, int]
) -> None:
    made = plan([demo(FRAGMENT)], Request((Probe(ProbeKind.KRETPROBE, "ip_rcv"),)), kernel)
    composition = compose(made, kernel, Machine(2, architecture=architecture))
    text = composition.text
    assert composition.programs[0].functions == ("tracer_program_0", "tracer_entry_0")
    assert f"#define TRACER_STACK_POINTER {frame[0]}\n" in text
    assert f"#define TRACER_POPPED {frame[1]}\n" in text
    assert "tracer_enter(&call, args[TRACER_STACK_POINTER], probe);" in text
    assert "if (!tracer_leave(&call, args[TRACER_STACK_POINTER] - TRACER_POPPED, probe))" in text
    assert "ctx->result = (s32)args[TRACER_RESULT];" in text
    assert "tracer_add_return(event, ctx->entered, ctx->result, 1);\n\twanted = true;" in text


def test_a_trampoline_has_the_result_after_the_arguments(kernel: TypedKernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((Probe(ProbeKind.FEXIT, "ip_rcv"),))).text
    assert "ctx->result = (s32)args[4];" in text


def test_a_return_that_a_collector_looks_at_alone_reports_what_it_says_alone(kernel: TypedKernel) -> None:
    probe = Probe.function("ip_rcv", returns=True, generic=False)
    fragment = replace(FRAGMENT, probes=(probe,))
    made = plan([replace(demo(fragment), probes=(probe,))], Request(), kernel)
    text = compose(made, kernel, MACHINE).text
    assert "ctx->result = (s32)args[" in text
    assert "tracer_add_return(event, ctx->entered" not in text
    assert "return" not in [section.layout.name for section in made.sections]


@pytest.mark.parametrize("cookies", [True, False])
def test_the_entry_of_a_call_keeps_its_arguments_before_it_chooses_among_them(
    kernel: TypedKernel, cookies: bool
) -> None:
    request = Request((Probe(ProbeKind.KRETPROBE, "ip_rcv"),), netns=(1,), abilities=Fixed(cookies=cookies))
    text = composed(kernel, demo(FRAGMENT), request).text
    entry = text[text.index("int tracer_entry_0") :].split("int tracer_program_0")[0]
    kept, chosen = entry.index("tracer_save(&call, args);"), entry.index("ctx->net_device = ")
    assert kept < chosen < entry.index("tracer_wants_netns(ctx)")


def test_only_the_entry_of_a_call_is_filtered_by_namespace(kernel: TypedKernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((Probe(ProbeKind.KRETPROBE, "ip_rcv"),), netns=(1,))).text
    entry, program = text[text.index("int tracer_entry_0") :].split("int tracer_program_0")
    assert "tracer_wants_netns(ctx)" in entry
    assert "tracer_wants_netns(ctx)" not in program


KINDS = (ProbeKind.FENTRY, ProbeKind.FEXIT, ProbeKind.KPROBE, ProbeKind.KRETPROBE)


@pytest.mark.bpf
@pytest.mark.parametrize("architecture", ["x86_64", "aarch64"])
@pytest.mark.parametrize("recent", [True, False], ids=["all abilities", "few abilities"])
def test_what_is_composed_for_any_kernel_compiles(kernel: TypedKernel, architecture: str, recent: bool) -> None:
    functions = (Probe(kind, "ip_rcv", stack=True) for kind in KINDS)
    abilities = Fixed() if recent else Fixed(typed=False, cookies=False, multi=False)
    made = plan(
        [demo(FRAGMENT, getters=(GETTER,))],
        Request((RECEIVE, TRANSMIT, NAPI, *functions), netns=(1,), abilities=abilities),
        kernel,
    )
    composition = compose(made, kernel, Machine(2, architecture=architecture))
    code, maps = compiled(composition)
    assert all(len(instructions) > 100 for instructions in code.values())
    expected = {"tracer_enabled", "tracer_lost", "tracer_slots", "tracer_events", "tracer_calls"}
    assert maps == (expected if recent else expected | {"tracer_addresses"})


def test_where_many_functions_are_probed_their_programs_are_one() -> None:
    kernel = recorded_kernel("6.12")
    sees = Fragment("demo_collect", SOURCE, needs=("struct tracer_tracked *", "struct sk_buff *"), emits=(Demo,))
    made = plan([demo(sees)], Request((RECEIVE,), all_skb=True), kernel)
    composition = compose(made, kernel, MACHINE)
    (one,) = (spec for spec in composition.programs if spec.kind is ProbeKind.KPROBE)
    shapes = {planned.shape for planned in made.probes if planned.probe.kind is ProbeKind.KPROBE}
    assert len(one.probes) > 400
    assert len(shapes) > 2
    chosen = composition.text[composition.text.index("int tracer_kprobes(u64 *args)") :]
    assert {int(number) for number in re.findall(r"case (\d+):", chosen)} == shapes
    for number in shapes:
        assert f"static __always_inline int tracer_program_{number}(u64 *args)" in composition.text
    every = sorted(index for spec in composition.programs for index in spec.probes)
    assert every == list(range(len(made.probes)))


def test_few_functions_have_a_program_each_shape_so_that_misses_are_told_apart(kernel: TypedKernel) -> None:
    sees = (
        replace(FRAGMENT, needs=("struct sk_buff *",)),
        Fragment("demo_net", SOURCE, needs=("struct net *",), emits=(Demo,)),
    )
    names = ("ip_rcv", "ip_local_out", "ip_local_deliver")
    request = Request(tuple(Probe(ProbeKind.KPROBE, name) for name in names))
    composition = composed(kernel, demo(*sees), request)
    assert len(composition.programs) == 2
    assert "tracer_kprobes" not in composition.text


_REMEMBERED = BpfSource(
    """
BPF_TABLE("lru_hash", u64, u64, demo_lengths, 64);
static __always_inline int demo_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	u64 key = tracer_stack_key(ctx), *length = demo_lengths.lookup(&key), now = TRACER_GET(ctx, ctx->sk_buff, len);

	demo_lengths.update(&key, &now);
	return length && *length == now ? TRACER_OK : TRACER_NOTHING;
}
""",
    "demo.bpf.c",
)


@pytest.mark.bpf
@pytest.mark.parametrize("kind", [None, *KINDS])
def test_what_a_fragment_keeps_by_its_stack_compiles_at_every_kind_of_probe(
    kernel: TypedKernel, kind: ProbeKind | None
) -> None:
    probe = TRANSMIT if kind is None else Probe(kind, "ip_rcv")
    composition = composed(
        kernel, demo(replace(FRAGMENT, source=_REMEMBERED, needs=("struct sk_buff *",))), Request((probe,))
    )
    assert "#define TRACER_TASK_STACK" in composition.text
    assert "demo_lengths" in compiled(composition).maps
