"""What cannot be planned, and who is told why."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from core.tests.plan.declarations import RECEIVE, SKB, One, Two, declaration, fragment

from tracer_core.errors import PluginError, UsageError
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.types import Probe
from tracer_core.wire import U32, section


@section("reported", reported=True)
class Reported(NamedTuple):
    text: str


def test_a_missing_probe_of_a_collector_is_an_error_unless_it_is_optional(kernel: TypedKernel) -> None:
    gone = Probe.tracepoint("net:gone")
    with pytest.raises(UsageError, match="no such tracepoint"):
        plan([declaration("a", fragment("a_see", SKB), probes=(gone,))], Request((RECEIVE,)), kernel)
    optional = Probe.tracepoint("net:gone", optional=True)
    made = plan([declaration("a", fragment("a_see", SKB), probes=(optional,))], Request((RECEIVE,)), kernel)
    assert [p.probe for p in made.probes] == [RECEIVE]


@pytest.mark.parametrize(
    ("names", "who"),
    [
        ("a", "a brings no probes of its own"),
        ("ab", "a and b bring no probes of their own"),
        ("abc", "a, b and c bring no probes of their own"),
    ],
)
def test_no_probe_at_all_is_an_error_that_says_what_to_give(kernel: TypedKernel, names: str, who: str) -> None:
    members = [declaration(name, fragment(f"{name}_see", SKB)) for name in names]
    with pytest.raises(UsageError) as caught:
        plan(members, Request(), kernel)
    assert caught.value.message == f"nothing to attach to: {who}"
    usual = "-p tp:net:netif_receive_skb -p tp:net:net_dev_start_xmit"
    assert caught.value.hint == f"leave -c out, or give some, as in {usual}"


def test_two_collectors_with_one_section_are_refused_with_both_names(kernel: TypedKernel) -> None:
    @section("one")
    class Other(NamedTuple):
        value: U32

    with pytest.raises(PluginError, match=r"section one .* a \(tracer-a 1.0\) and collector b \(tracer-b 1.0\)"):
        plan(
            [declaration("a", fragment("a_see", SKB)), declaration("b", fragment("b_see", SKB, emits=(Other,)))],
            Request((RECEIVE,)),
            kernel,
        )


def test_a_fragment_that_emits_what_sessions_report_is_refused(kernel: TypedKernel) -> None:
    member = declaration("a", fragment("a_see", SKB, emits=(One, Reported)))
    with pytest.raises(PluginError, match="a_see emits reported, which only sessions report"):
        plan([member], Request((RECEIVE,)), kernel)


def test_a_fragment_that_emits_what_its_collector_does_not_declare_is_refused(kernel: TypedKernel) -> None:
    with pytest.raises(PluginError, match="emits one, not among its sections"):
        plan([declaration("a", fragment("a_see", SKB), sections=(Two,))], Request((RECEIVE,)), kernel)


def test_c_names_must_begin_with_the_collectors_name(kernel: TypedKernel) -> None:
    with pytest.raises(PluginError, match="must be called a_<verb>"):
        plan([declaration("a", fragment("kprobe__see", SKB))], Request((RECEIVE,)), kernel)


def test_more_sections_than_the_mask_has_bits_are_refused(kernel: TypedKernel) -> None:
    members = []
    for number in range(65):

        class Numbered(NamedTuple):
            value: U32

        cls = section(f"s{number}")(Numbered)
        members.append(declaration(f"c{number}", fragment(f"c{number}_see", SKB, emits=(cls,))))
    with pytest.raises(PluginError, match="65 bits"):
        plan(members, Request((RECEIVE,)), kernel)
