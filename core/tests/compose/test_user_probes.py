"""The text of programs at places in processes."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest
from core.tests.compose.compiling import compiled

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Composition, Machine
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Probe
from tracer_core.userspace.live import UserPlace
from tracer_core.userspace.usdt_arguments import parse_arguments
from tracer_core.wire import U64, section

RECEIVE = Probe.tracepoint("net:netif_receive_skb")
FIRE = Probe.usdt("daemon", "demo:fire")
FUNCTION = Probe.uprobe("daemon", "function")
SOURCE = BpfSource(
    """
static __always_inline int demo_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_demo *demo = tracer_add(event, demo);
	u64 pointed = 0;

	if (!demo)
		return TRACER_NOTHING;
	demo->first = TRACER_ARG(ctx, 0);
	demo->second = TRACER_ARG(ctx, 1);
	TRACER_USER_COPY(pointed, TRACER_ARG(ctx, 2));
	demo->pointed = pointed;
	return TRACER_OK;
}
static __always_inline int demo_packet(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_demo *demo = tracer_add(event, demo);

	if (!demo)
		return TRACER_NOTHING;
	demo->first = TRACER_GET(ctx, ctx->sk_buff, len);
	return TRACER_OK;
}
""",
    "demo/demo.bpf.c",
)
NOTES = {
    "x86_64": ("-4@%eax 8@$5 8@8(%rsp)", "1@%ah 8@-8(%rbp,%rcx,8) 8@%rdi", "-4@%eax 8@$5 8@8(%rsp)", ""),
    "aarch64": ("-4@x0 8@5 8@[sp, 8]", "1@x1 8@[x29, -8] 8@x2", "-4@x0 8@5 8@[sp, 8]", ""),
}
each_architecture = pytest.mark.parametrize("architecture", list(NOTES))


@section("demo")
class Demo(NamedTuple):
    first: U64
    second: U64
    pointed: U64


class Processes:
    """One with a probe at four places, of which the first and the third have equal operands, and with a function."""

    def __init__(self, architecture: str) -> None:
        self._architecture = architecture

    def places(self, probe: Probe) -> tuple[UserPlace, ...]:
        place = UserPlace(7, "/proc/7/exe", "/usr/sbin/daemon", 0x10)
        if probe == FUNCTION:
            return (place,)
        arguments = (parse_arguments(note, self._architecture) for note in NOTES[self._architecture])
        return tuple(replace(place, offset=at, arguments=found) for at, found in enumerate(arguments))


def composed(
    *probes: Probe, architecture: str = "x86_64", netns: tuple[int, ...] = (), abilities: Fixed | None = None
) -> Composition:
    fragments = (
        Fragment("demo_collect", SOURCE, emits=(Demo,), probes=(FIRE, FUNCTION)),
        Fragment("demo_packet", SOURCE, needs=("struct sk_buff *",), emits=(Demo,)),
    )
    spec = CollectorSpec("demo", "A test.", sections=(Demo,))
    declared = Declaration(Owner("demo"), spec, None, probes=probes, fragments=fragments)
    kernel = recorded_kernel("6.12")
    request = Request((), netns, abilities or Fixed(), Processes(architecture))
    made = plan([declared], request, kernel)
    return compose(made, kernel, Machine(2, architecture=architecture))


def program(composition: Composition, index: int) -> str:
    return composition.text.split(f"int tracer_program_{index}(")[1].split("#line")[0]


@each_architecture
def test_operands_that_are_equal_are_written_once_and_each_program_knows_its_own(architecture: str) -> None:
    made = composed(FIRE, architecture=architecture)
    assert [spec.probes for spec in made.programs] == [(0, 2), (1,), (3,)]
    assert [f"ctx->usdt = {n + 1};" in program(made, n) for n in range(3)] == [True] * 3
    assert "static __always_inline u64 tracer_usdt_3(" in made.text
    assert "tracer_usdt_4" not in made.text


def test_a_function_has_its_arguments_in_registers() -> None:
    made = composed(FUNCTION)
    assert "ctx->registers = 1;" in program(made, 0)
    assert "ctx->usdt = 0;" in program(made, 0)
    assert "#define tracer_usdt(args, which, n) 0\n" in made.text


def test_network_namespaces_are_asked_for_at_packets_only() -> None:
    made = composed(RECEIVE, FIRE, netns=(1,))
    assert "tracer_wants_netns" in program(made, 0)
    assert "tracer_wants_netns" not in program(made, 1)


@pytest.mark.bpf
@each_architecture
@pytest.mark.parametrize("recent", [True, False], ids=["all abilities", "few abilities"])
def test_programs_in_processes_compile(architecture: str, recent: bool) -> None:
    abilities = Fixed() if recent else Fixed(typed=False, cookies=False, multi=False)
    made = composed(RECEIVE, FIRE, FUNCTION, architecture=architecture, netns=(1,), abilities=abilities)
    code = compiled(made).code
    assert len(code) == len(made.programs) == 5
    assert all(len(one) > 100 for one in code.values())


@pytest.mark.bpf
def test_programs_in_the_kernel_are_the_same_whether_or_not_there_are_some_in_processes() -> None:
    alone, beside = compiled(composed(RECEIVE)).code, compiled(composed(RECEIVE, FIRE)).code
    assert len(alone["tracer_program_0"]) == len(beside["tracer_program_0"])
