from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest

from tracer_core.compose.compose import argument_name, compose
from tracer_core.compose.composition import Composition, Machine
from tracer_core.errors import PluginError
from tracer_core.kernel.view import Kernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel, recorded_names
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


def composed(kernel: Kernel, declaration: Declaration, request: Request) -> Composition:
    return compose(plan([declaration], request, kernel), kernel.btf, MACHINE)


@pytest.fixture(params=recorded_names())
def kernel(request: pytest.FixtureRequest) -> Kernel:
    return recorded_kernel(request.param)


def test_equal_plans_give_equal_text(kernel: Kernel) -> None:
    request = Request((TRANSMIT,), netns=(1, 2))
    assert composed(kernel, demo(FRAGMENT), request) == composed(kernel, demo(FRAGMENT), request)


def test_fragments_stand_in_the_text_with_their_defines_and_origin(kernel: Kernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((TRANSMIT,))).text
    start = text.index('#line 1 "demo/demo.bpf.c"')
    assert "#define DEMO_PLUS 5" in text[:start]
    assert "#undef DEMO_PLUS" in text[start:]
    assert "tracer_judge(demo_collect(ctx, event));" in text


def test_no_stub_is_left_in_the_text(kernel: Kernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((TRANSMIT,), netns=(3,))).text
    program = text[text.index("int tracer_program_0") :]
    assert "TRACER_STUB" not in program


def test_argument_positions_and_namespaces_are_constants(kernel: Kernel) -> None:
    text = composed(kernel, demo(FRAGMENT), Request((TRANSMIT,), netns=(17, 42))).text
    assert "ctx->net_device = (struct net_device *)TRACER_ARG(ctx, 1);" in text
    assert "((inum) == 17U || (inum) == 42U)" in text


def test_the_same_source_for_two_fragments_stands_once(kernel: Kernel) -> None:
    twice = demo(FRAGMENT, replace(FRAGMENT, function="demo_collect", needs=("struct sk_buff *",)))
    text = composed(kernel, twice, Request((TRANSMIT,))).text
    assert text.count('#line 1 "demo/demo.bpf.c"') == 1


def test_one_source_with_different_defines_is_refused(kernel: Kernel) -> None:
    other = replace(FRAGMENT, source=replace(SOURCE, defines=(("DEMO_PLUS", 6),)))
    with pytest.raises(PluginError, match=r"demo/demo\.bpf\.c is used with different text or defines"):
        composed(kernel, demo(FRAGMENT, other), Request((TRANSMIT,)))


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
    kernel: Kernel, architecture: str, word: int
) -> None:
    made = plan([demo(FRAGMENT)], Request((Probe(ProbeKind.KPROBE, "ip_rcv"),)), kernel)
    text = compose(made, kernel.btf, Machine(2, architecture=architecture)).text
    assert f"(n) == 1 ? {word} :" in text
    assert "ctx->registers = 1;" in text
    assert "ctx->net_device = (struct net_device *)TRACER_ARG(ctx, 1);" in text


@pytest.mark.bpf
@pytest.mark.parametrize("typed", [True, False])
def test_what_is_composed_for_any_kernel_compiles(kernel: Kernel, typed: bool) -> None:
    from tracer_core.backend.compiler import Compiler

    functions = (Probe(ProbeKind.FENTRY, "ip_rcv"), Probe(ProbeKind.KPROBE, "ip_rcv"))
    request = Request((RECEIVE, TRANSMIT, NAPI, *functions), netns=(1,), typed=typed)
    everything = demo(FRAGMENT, getters=(GETTER,))
    composition = composed(kernel, everything, request)
    with Compiler() as compiler:
        compiled = compiler.compile(composition.text, [spec.function for spec in composition.programs])
    try:
        assert all(len(code) > 100 for code in compiled.code.values())
        assert set(compiled.maps) == {"tracer_enabled", "tracer_lost", "tracer_slots", "tracer_events"}
    finally:
        import os

        for fd in compiled.maps.values():
            os.close(fd)
