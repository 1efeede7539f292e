"""Probes in processes: places, programs, what runs there, what is missing."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from tracer_core.decode.columns import probe_info
from tracer_core.errors import MachineError, UsageError
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.plan import Identity, Plan
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Probe
from tracer_core.userspace.live import UserPlace
from tracer_core.userspace.registers import Register
from tracer_core.userspace.usdt_arguments import UsdtArgument
from tracer_core.wire import U32, section

RECEIVE = Probe.tracepoint("net:netif_receive_skb")
FIRE = Probe.usdt("daemon", "demo:fire")
FUNCTION = Probe.uprobe(7, "demo_function")
HERE, THERE = (UsdtArgument(8, True, Register(word)) for word in (1, 2))


@section("one")
class One(NamedTuple):
    value: U32


def place(offset: int, *arguments: UsdtArgument) -> UserPlace:
    return UserPlace(7, "/proc/7/exe", "/usr/sbin/daemon", offset, 0, arguments)


class Processes(dict[str, tuple[UserPlace, ...]]):
    """Places by the text of their probe."""

    def places(self, probe: Probe) -> tuple[UserPlace, ...]:
        if str(probe) not in self:
            raise MachineError("no process daemon is running", hint="start daemon first")
        return self[str(probe)]


PROCESSES = Processes(
    {
        str(FIRE): (place(0x10, HERE), place(0x20, THERE), place(0x30, HERE)),
        str(FUNCTION): (UserPlace(7, "/proc/7/exe", "/usr/sbin/daemon", 0x40),),
    }
)


def fragment(function: str, *probes: Probe, needs: tuple[str, ...] = ()) -> Fragment:
    return Fragment(function, BpfSource("", f"{function}.bpf.c"), needs=needs, emits=(One,), probes=probes)


def declaration(name: str, *fragments: Fragment, probes: tuple[Probe, ...] = ()) -> Declaration:
    spec = CollectorSpec(name, "A test.", sections=(One,))
    return Declaration(Owner(name), spec, None, probes=probes, fragments=fragments)


def planned(
    *declarations: Declaration, probes: tuple[Probe, ...] = (), cookies: bool = True, netns: tuple[int, ...] = ()
) -> Plan:
    request = Request(probes, netns, Fixed(cookies=cookies), PROCESSES)
    return plan(declarations, request, kernel())


def kernel() -> TypedKernel:
    return recorded_kernel("6.12")


def functions_at(made: Plan, index: int) -> list[str]:
    return [made.fragments[at].fragment.function for at in made.shapes[made.probes[index].shape].fragments]


FIRED = declaration("a", fragment("a_see", FIRE), probes=(FIRE,))


def test_every_place_where_a_probe_was_compiled_in_is_a_probe_of_the_plan() -> None:
    made = planned(FIRED)
    assert [p.probe for p in made.probes] == [FIRE] * 3
    assert [p.user.offset for p in made.probes if p.user] == [0x10, 0x20, 0x30]


def test_places_with_equal_operands_share_a_program_and_others_do_not() -> None:
    made = planned(FIRED)
    assert [p.shape for p in made.probes] == [0, 1, 0]
    assert [shape.operands for shape in made.shapes] == [(HERE,), (THERE,)]


def test_a_function_of_a_process_has_its_arguments_by_the_calling_convention() -> None:
    (shape,) = planned(declaration("a", fragment("a_see", FUNCTION), probes=(FUNCTION,))).shapes
    assert shape.operands is None
    assert not shape.typed


@pytest.mark.parametrize(("cookies", "identity"), [(True, Identity.COOKIE), (False, Identity.CONSTANT)])
def test_a_program_knows_its_place_in_the_way_that_the_kernel_has(cookies: bool, identity: Identity) -> None:
    made = planned(FIRED, cookies=cookies)
    assert {shape.identity for shape in made.shapes} == {identity}
    assert not made.multi


def test_only_fragments_that_name_the_probe_run_there() -> None:
    everywhere = declaration("b", fragment("b_see"), fragment("b_skb", needs=("struct sk_buff *",)))
    made = planned(FIRED, everywhere, probes=(RECEIVE,))
    assert functions_at(made, 0) == ["b_see", "b_skb"]
    assert functions_at(made, 1) == ["a_see"]


def test_at_a_generic_probe_fragments_that_need_nothing_run_too() -> None:
    generic = Probe.usdt("daemon", "demo:fire", generic=True)
    everywhere = declaration("b", fragment("b_see"), fragment("b_skb", needs=("struct sk_buff *",)))
    made = planned(declaration("a", fragment("a_see", FIRE), probes=(generic,)), everywhere)
    assert functions_at(made, 0) == ["a_see", "b_see"]


def test_a_fragment_for_one_process_does_not_run_in_another_nor_in_the_kernel() -> None:
    others = (Probe.usdt("other", "demo:fire"), Probe.uprobe("daemon", "demo:fire"), Probe.function("demo:fire"))
    made = planned(declaration("a", fragment("a_see", FIRE), fragment("a_other", *others), probes=(FIRE,)))
    assert functions_at(made, 0) == ["a_see"]


def test_a_place_that_two_ask_for_is_probed_once() -> None:
    made = planned(FIRED, declaration("b", fragment("b_see", FIRE), probes=(FIRE,)))
    assert len(made.probes) == 3
    assert functions_at(made, 0) == ["a_see", "b_see"]


def test_a_useless_probe_is_named_once_however_many_places_it_has() -> None:
    made = planned(declaration("a", fragment("a_see", needs=("struct sk_buff *",)), probes=(FIRE, RECEIVE)))
    assert made.skipped == (FIRE,)


def test_what_is_not_there_is_an_error_that_names_the_probe() -> None:
    gone = Probe.usdt("daemon", "demo:gone")
    with pytest.raises(MachineError) as error:
        planned(declaration("a", fragment("a_see", gone), probes=(gone,)))
    expected = "probe usdt:daemon:demo:gone: no process daemon is running; start daemon first"
    assert str(error.value) == expected


def test_what_is_optional_and_not_there_is_left_out_with_its_reason() -> None:
    gone = Probe.usdt("daemon", "demo:gone", optional=True)
    made = planned(FIRED, declaration("b", fragment("b_see", gone), probes=(gone,)))
    assert len(made.probes) == 3
    assert made.missing == ("probe usdt:daemon:demo:gone: no process daemon is running",)


def test_when_all_there_is_was_optional_the_error_says_why_it_is_missing() -> None:
    gone = Probe.usdt("daemon", "demo:gone", optional=True)
    with pytest.raises(UsageError, match=r"nothing to attach to: probe .*: no process daemon is running"):
        planned(declaration("a", fragment("a_see", gone), probes=(gone,)))


def test_on_a_recorded_kernel_there_are_no_processes() -> None:
    with pytest.raises(MachineError, match=r"probe usdt:daemon:demo:fire: a recorded kernel has no processes"):
        plan([FIRED], Request(), kernel())
    optional = Probe.usdt("daemon", "demo:fire", optional=True)
    made = plan(
        [declaration("a", fragment("a_see"), probes=(optional,))],
        Request((Probe.tracepoint(RECEIVE.target),)),
        kernel(),
    )
    assert [p.probe for p in made.probes] == [RECEIVE]


def test_the_plan_tells_where_a_probe_is() -> None:
    lines = list(planned(FIRED).describe())
    at = lines.index("probe 1 usdt:daemon:demo:fire: program 1 (probe reads, index by cookie)")
    assert lines[at + 1] == "  process 7: /usr/sbin/daemon at 0x20"


def test_events_tell_the_file_by_the_name_it_has_for_the_process() -> None:
    info = probe_info(planned(FIRED).probes[0])
    assert (info.symbol, info.kind, info.label, info.path) == ("demo:fire", "usdt", "u", "/usr/sbin/daemon")


def test_a_star_in_a_process_stands_for_nothing() -> None:
    assert not Probe.usdt("daemon", "demo:*").is_pattern
