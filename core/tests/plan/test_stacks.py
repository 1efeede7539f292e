"""Places without a packet: where they are worth a probe, and where windows close."""

from __future__ import annotations

import pytest
from core.tests.kernels import changed

from tracer_core.errors import MachineError, UsageError
from tracer_core.filters.packet import packet_filter
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.following import OnStack, Role
from tracer_core.plan.plan import Plan, Shape
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plan.stacks import thread_size
from tracer_core.plan.tracking import TRACKED
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Gate, ProbeKind

SKB = "struct sk_buff *"
RECEIVE, POLL, NO_PACKET = "tp:net:netif_receive_skb", "tp:napi:napi_poll", "register_netdevice"
KPROBES = Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,))
TELLS, INHERITS = OnStack(inherits=False), OnStack(inherits=True)


@pytest.fixture(params=recorded_names())
def kernel(request: pytest.FixtureRequest) -> TypedKernel:
    return recorded_kernel(request.param)


def planned(
    kernel: TypedKernel,
    *probes: str,
    needs: tuple[str, ...] = (TRACKED, SKB),
    gate: Gate = Gate.MATCHED,
    abilities: Fixed = KPROBES,
    follow: bool = False,
    filtered: bool = False,
) -> Plan:
    fragments = tuple(
        Fragment(f"a_see{n}", BpfSource("", "a.bpf.c"), needs=(need,), gate=gate) for n, need in enumerate(needs)
    )
    declaration = Declaration(Owner("a"), CollectorSpec("a", "A test."), None, fragments=fragments)
    wanted = packet_filter(["icmp"]) if filtered else None
    given = tuple(map(parse_probe, probes))
    return plan([declaration], Request(given, abilities=abilities, filter=wanted, follow_stack=follow), kernel)


def shape(made: Plan, probe: str) -> Shape:
    """Of the first of that name."""
    return next(made.shapes[p.shape] for p in made.probes if str(p.probe) == probe)


def roles(made: Plan) -> list[str]:
    """Where windows close and nothing else is done."""
    return [str(p.probe) for p in made.probes if made.shapes[p.shape].role is Role.CLOSES]


def test_without_either_a_place_without_a_packet_is_skipped(kernel: TypedKernel) -> None:
    made = planned(kernel, RECEIVE, POLL)
    assert [str(probe) for probe in made.skipped] == [POLL]
    assert made.stacks is None
    assert shape(made, RECEIVE).on_stack is None


@pytest.mark.parametrize("filtered", [False, True])
def test_with_marks_a_place_without_a_packet_tells_whose_it_is_and_runs_nothing_that_needs_one(
    kernel: TypedKernel, *, filtered: bool
) -> None:
    made = planned(kernel, RECEIVE, POLL, follow=True, filtered=filtered)
    assert shape(made, RECEIVE).on_stack == TELLS
    found = shape(made, POLL)
    assert found.on_stack == OnStack(inherits=True, gated=filtered)
    assert [made.fragments[at].fragment.needs for at in found.fragments] == [(TRACKED,)]
    assert found.sight is None
    assert not found.filtered


def test_a_window_makes_places_without_a_packet_worth_a_probe_too(kernel: TypedKernel) -> None:
    made = planned(kernel, "ip_rcv/ftrace", RECEIVE, NO_PACKET)
    assert shape(made, "kprobe:ip_rcv").on_stack == OnStack(inherits=False, opens=True)
    assert shape(made, f"kprobe:{NO_PACKET}").on_stack == INHERITS
    assert shape(made, RECEIVE).on_stack == TELLS


@pytest.mark.parametrize(
    ("probe", "closes"),
    [
        ("ip_rcv", ["kretprobe:ip_rcv"]),
        ("kprobe:ip_rcv", ["kretprobe:ip_rcv"]),
        ("fentry:ip_rcv", ["fexit:ip_rcv"]),
        ("kretprobe:ip_rcv", []),
        ("fexit:ip_rcv", []),
    ],
)
def test_a_window_closes_the_way_it_opened_by_a_helper_if_only_the_entry_is_probed(
    kernel: TypedKernel, probe: str, closes: list[str]
) -> None:
    made = planned(kernel, f"{probe}/ftrace", RECEIVE)
    assert roles(made) == closes
    helpers = [made.shapes[p.shape] for p in made.probes if str(p.probe) in closes]
    assert all(found.is_helper and found.result is None for found in helpers)


def test_where_the_user_probes_the_return_as_well_that_probe_closes_the_window(kernel: TypedKernel) -> None:
    made = planned(kernel, "kprobe:ip_rcv/ftrace", "kretprobe:ip_rcv")
    assert roles(made) == []
    assert shape(made, "kretprobe:ip_rcv").on_stack == OnStack(inherits=False, opens=True)


def test_a_function_without_a_packet_can_open_a_window_and_is_shown_in_that_of_another(kernel: TypedKernel) -> None:
    made = planned(kernel, f"{NO_PACKET}/ftrace", RECEIVE)
    assert shape(made, f"kprobe:{NO_PACKET}").on_stack == OnStack(inherits=True, opens=True)
    assert roles(made) == [f"kretprobe:{NO_PACKET}"]


def test_windows_of_many_functions_share_programs() -> None:
    made = planned(recorded_kernel("6.12"), "kprobe:ip_*/ftrace", RECEIVE)
    assert len(roles(made)) > 20
    assert len({p.shape for p in made.probes if made.shapes[p.shape].role is Role.CLOSES}) == 1
    assert all(p.probe.optional for p in made.probes if made.shapes[p.shape].role is Role.CLOSES)


@pytest.mark.parametrize("probe", ["tp:net:net_dev_xmit", "kfree_skbmem"])
def test_a_packet_that_may_be_gone_is_not_what_its_stack_runs_for(kernel: TypedKernel, probe: str) -> None:
    made = planned(kernel, probe, RECEIVE, follow=True)
    assert made.shapes[made.probes[0].shape].on_stack is None


@pytest.mark.parametrize(("probe", "what"), [("ip_rcv/ftrace", "probe kprobe:ip_rcv: /ftrace"), ("ip_rcv", "--follow")])
def test_where_nobody_tells_packets_apart_there_is_nothing_to_tell(kernel: TypedKernel, probe: str, what: str) -> None:
    with pytest.raises(UsageError, match=what):
        planned(kernel, probe, needs=(SKB,), follow="ftrace" not in probe)


def test_without_a_place_where_packets_are_met_nothing_can_run_for_one(kernel: TypedKernel) -> None:
    with pytest.raises(UsageError, match="none of the probes has a packet"):
        planned(kernel, POLL, f"{NO_PACKET}/ftrace", follow=True)


def test_a_kernel_that_does_not_say_where_stacks_are_is_a_clear_error() -> None:
    with pytest.raises(MachineError, match="--follow-stack: this kernel does not say where stacks are"):
        planned(changed("6.12", lacks=[("task_struct", "stack")]), RECEIVE, follow=True)


@pytest.mark.parametrize(
    "names", [("__start_init_stack", "__end_init_stack"), ("__start_init_task", "__end_init_task")]
)
def test_stacks_are_as_large_as_the_first_one(names: tuple[str, str]) -> None:
    begin, end = names
    assert thread_size(changed("6.1", symbols={begin: 1 << 20, end: (1 << 20) + 32768})) == 32768


def test_where_the_first_one_has_no_name_they_are_as_large_as_the_kernels_are_built() -> None:
    assert thread_size(recorded_kernel("6.1")) == 16384
    assert thread_size(changed("6.1", config={"CONFIG_KASAN": "y"})) == 32768


def test_the_plan_is_told_with_what_is_done_where(kernel: TypedKernel) -> None:
    lines = "\n".join(planned(kernel, "ip_rcv/ftrace", NO_PACKET).describe())
    assert "  stack: tells which packet it runs for\n  stack: opens a window until the function returns" in lines
    assert "  stack: the packet is the stack's" in lines
    assert "  tracking: a window closes" in lines
