"""Places that nobody names: every function with a packet, and those that stacks will show."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from tracer_core.errors import MachineError
from tracer_core.filters.packet import packet_filter
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan import asked
from tracer_core.plan.following import Role
from tracer_core.plan.places import locate_functions
from tracer_core.plan.plan import Plan
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plan.tracking import TRACKED
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import BpfSource, CollectorSpec, Fragment, ProbeKind

SKB = "struct sk_buff *"
RECEIVE = "tp:net:netif_receive_skb"
KPROBES = Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,))
TRACEPOINTS_ONLY = Fixed(entries=(), returns=())
HUNDREDS = 400


@pytest.fixture(params=recorded_names())
def kernel(request: pytest.FixtureRequest) -> TypedKernel:
    return recorded_kernel(request.param)


def planned(
    kernel: TypedKernel,
    *probes: str,
    abilities: Fixed = KPROBES,
    all_skb: bool = False,
    stack: bool = False,
    probe_stack: bool = False,
) -> Plan:
    sees = Fragment("a_see", BpfSource("", "a.bpf.c"), needs=(TRACKED, SKB))
    declaration = Declaration(Owner("a"), CollectorSpec("a", "A test."), None, fragments=(sees,))
    request = Request(
        tuple(map(parse_probe, probes)),
        abilities=abilities,
        filter=packet_filter(["icmp"]) if probe_stack else None,
        all_skb=all_skb,
        stack=stack,
        probe_stack=probe_stack,
    )
    return plan([declaration], request, kernel)


def traceable(kernel: TypedKernel) -> set[str]:
    """Functions with a packet in a register, one by one."""
    names = kernel.function_names() if kernel.functions is None else kernel.functions
    found = ((name, kernel.function(name)) for name in names if kernel.symbol(name) is not None)
    return {name for name, made in found if made and (at := made.index_of(SKB)) is not None and at < 6}


def test_all_functions_that_take_a_packet_are_probed(kernel: TypedKernel) -> None:
    made = planned(kernel, all_skb=True)
    events = {p.probe.target for p in made.probes if not made.shapes[p.shape].is_helper}
    assert events == traceable(kernel)
    assert len(events) > HUNDREDS
    assert made.attached == len(made.probes)


def test_however_many_functions_there_are_they_take_few_programs(kernel: TypedKernel) -> None:
    made = planned(kernel, all_skb=True)
    assert (
        sum(not shape.is_helper and shape.role is None for shape in made.shapes) == 2
    )  # two come too late for a packet


def test_functions_that_are_named_as_well_are_probed_once(kernel: TypedKernel) -> None:
    named = planned(kernel, "kprobe:ip_rcv/stack", RECEIVE, all_skb=True)
    keys = [p.probe.key for p in named.probes if not named.shapes[p.shape].is_helper]
    assert len(keys) == len(set(keys)) == len(traceable(kernel)) + 1
    assert [p.probe.target for p in named.probes if p.probe.stack] == ["ip_rcv"]


def test_with_stack_all_that_make_events_tell_their_calls(kernel: TypedKernel) -> None:
    made = planned(kernel, RECEIVE, "kprobe:ip_rcv", stack=True)
    assert {str(p.probe) for p in made.probes if made.shapes[p.shape].stack} == {RECEIVE, "kprobe:ip_rcv"}
    assert made.sections[-1].layout.name == "stack"


def test_functions_that_stacks_may_show_are_planned_but_not_attached(kernel: TypedKernel) -> None:
    made = planned(kernel, RECEIVE, "kprobe:ip_rcv", probe_stack=True)
    spare = {p.probe.target for p in made.probes if p.spare}
    needed = {p.probe.target for p in made.probes if not p.spare}
    assert made.attached == len(made.probes) - len(spare)
    assert spare == traceable(kernel) - needed
    assert all(made.shapes[p.shape].role is None for p in made.probes if p.spare)
    assert {"ip_rcv", "net:netif_receive_skb"} <= needed


def test_where_all_functions_are_probed_none_is_looked_for_again_that_stacks_may_show(kernel: TypedKernel) -> None:
    with patch.object(asked, "locate_functions", wraps=locate_functions) as looked:
        made = planned(kernel, RECEIVE, "kprobe:ip_rcv/stack", all_skb=True, stack=True, probe_stack=True)
    assert looked.call_count == 1
    assert made.probe_stack
    assert made.attached == len(made.probes)
    assert {p.probe.target for p in made.probes} >= traceable(kernel)


def test_where_stacks_are_searched_nobody_sees_them_unless_asked_for(kernel: TypedKernel) -> None:
    made = planned(kernel, RECEIVE, "kprobe:ip_rcv/stack", probe_stack=True)
    events = [p for p in made.probes if not made.shapes[p.shape].is_helper]
    assert made.probe_stack
    assert all(made.shapes[p.shape].stack for p in events)
    assert [str(p.probe) for p in events if p.probe.stack] == ["kprobe:ip_rcv"]


def test_what_takes_a_packet_for_tracking_stays_attached_as_it_is(kernel: TypedKernel) -> None:
    made = planned(kernel, RECEIVE, probe_stack=True)
    roles = {made.shapes[p.shape].role for p in made.probes}
    assert Role.MOVES in roles
    assert not any(p.spare for p in made.probes if p.probe.target == "pskb_expand_head")


def test_without_kprobes_nothing_can_be_attached_later(kernel: TypedKernel) -> None:
    with pytest.raises(MachineError, match="--probe-stack: this kernel has no kprobes"):
        planned(kernel, RECEIVE, probe_stack=True, abilities=TRACEPOINTS_ONLY)


def test_without_any_probes_on_functions_all_of_them_cannot_be_probed(kernel: TypedKernel) -> None:
    with pytest.raises(MachineError, match="--all-skb: this kernel offers neither fentry nor kprobes"):
        planned(kernel, all_skb=True, abilities=TRACEPOINTS_ONLY)
