"""What runs at which probe: probes, shapes of programs, and the order of sections."""

from __future__ import annotations

from core.tests.plan.declarations import DEVICE, NAPI, RECEIVE, SKB, TRANSMIT, Two, declaration, fragment, functions_at

from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.plan import Plan
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.sections import Packet
from tracer_core.types import Probe, ProbeKind


def test_equal_arguments_give_equal_plans(kernel: TypedKernel) -> None:
    def make() -> Plan:
        return plan([declaration("a", fragment("a_see", SKB))], Request((RECEIVE, TRANSMIT), netns=(7,)), kernel)

    assert make() == make()
    assert list(make().describe()) == list(make().describe())


def test_probes_with_the_same_code_share_one_shape(kernel: TypedKernel) -> None:
    made = plan([declaration("a", fragment("a_see", SKB))], Request((RECEIVE, TRANSMIT), netns=(7,)), kernel)
    assert len(made.shapes) == 1
    assert [p.shape for p in made.probes] == [0, 0]


def test_an_argument_that_only_one_probe_has_makes_a_shape_of_its_own(kernel: TypedKernel) -> None:
    made = plan(
        [declaration("a", fragment("a_see", SKB), fragment("a_dev", DEVICE, emits=(Two,)))],
        Request((RECEIVE, TRANSMIT)),
        kernel,
    )
    assert functions_at(made, RECEIVE) == ["a_see"]
    assert functions_at(made, TRANSMIT) == ["a_see", "a_dev"]
    assert len(made.shapes) == 2


def test_collectors_run_in_the_order_they_ask_for(kernel: TypedKernel) -> None:
    first = declaration("z", fragment("z_see", SKB, emits=(Two,)))
    second = declaration("a", fragment("a_see", SKB), after=("z",))
    made = plan([second, first], Request((RECEIVE,)), kernel)
    assert functions_at(made, RECEIVE) == ["z_see", "a_see"]
    assert [s.layout.name for s in made.sections] == ["two", "one"]


def test_the_same_probe_from_several_is_one_probe(kernel: TypedKernel) -> None:
    made = plan([declaration("a", fragment("a_see", SKB), probes=(RECEIVE,))], Request((RECEIVE,)), kernel)
    assert [p.probe for p in made.probes] == [RECEIVE]


def test_a_helper_probe_runs_only_the_fragments_that_name_it(kernel: TypedKernel) -> None:
    helper = Probe.tracepoint("skb:consume_skb", generic=False)
    own = declaration("a", fragment("a_forget", SKB, emits=(), probes=(helper,)), probes=(helper,))
    made = plan([own, declaration("b", fragment("b_see", SKB))], Request((RECEIVE,)), kernel)
    assert functions_at(made, helper) == ["a_forget"]
    assert functions_at(made, RECEIVE) == ["b_see"]


def test_a_helper_probe_that_the_user_asks_for_too_runs_everything(kernel: TypedKernel) -> None:
    helper = Probe.tracepoint("skb:consume_skb", generic=False)
    own = declaration("a", fragment("a_forget", SKB, emits=(), probes=(helper,)), probes=(helper,))
    user = Probe.tracepoint("skb:consume_skb")
    made = plan([own, declaration("b", fragment("b_see", SKB))], Request((user,)), kernel)
    assert functions_at(made, user) == ["a_forget", "b_see"]


def test_a_useless_probe_beside_a_useful_one_is_skipped_and_named(kernel: TypedKernel) -> None:
    made = plan([declaration("a", fragment("a_see", SKB))], Request((RECEIVE, NAPI)), kernel)
    assert made.skipped == (NAPI,)


def test_a_section_of_the_core_may_be_filled_by_several(kernel: TypedKernel) -> None:
    members = [declaration(n, fragment(f"{n}_see", SKB, emits=(Packet,))) for n in ("a", "b")]
    assert len(plan(members, Request((RECEIVE,)), kernel).sections) == 1


def test_what_one_asks_of_a_place_all_get(kernel: TypedKernel) -> None:
    asked = (Probe(ProbeKind.KPROBE, "ip_rcv"), Probe(ProbeKind.KPROBE, "ip_rcv", stack=True))
    made = plan([declaration("a", fragment("a_see", SKB))], Request(asked), kernel)
    (planned,) = made.probes
    assert planned.probe.stack
    assert [section.layout.name for section in made.sections] == ["one", "stack"]


def test_results_come_first_in_a_record_and_stacks_last(kernel: TypedKernel) -> None:
    asked = Probe(ProbeKind.KRETPROBE, "ip_rcv", stack=True)
    made = plan([declaration("a", fragment("a_see", SKB))], Request((asked,)), kernel)
    assert [section.layout.name for section in made.sections] == ["return", "one", "stack"]
