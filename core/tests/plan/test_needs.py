"""What fragments need, and where that is or is got."""

from __future__ import annotations

import pytest
from core.tests.plan.declarations import DEVICE, NAPI, RECEIVE, SKB, TRANSMIT, One, declaration, fragment, functions_at

from tracer_core.errors import UsageError
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Request
from tracer_core.types import BpfSource, Fragment, Getter


def test_a_pointer_to_a_pointer_is_another_type(kernel: TypedKernel) -> None:
    with pytest.raises(UsageError, match="no collector could retrieve data"):
        plan([declaration("a", fragment("a_see", "struct sk_buff **"))], Request((RECEIVE,)), kernel)


def test_a_fragment_runs_where_all_is_that_it_needs(kernel: TypedKernel) -> None:
    both = declaration("a", fragment("a_see", SKB, DEVICE), fragment("a_any"))
    made = plan([both], Request((RECEIVE, TRANSMIT)), kernel)
    assert functions_at(made, RECEIVE) == ["a_any"]  # it is given a packet, but no device
    assert functions_at(made, TRANSMIT) == ["a_see", "a_any"]


def test_a_fragment_runs_where_any_is_of_several_and_is_given_all_that_are_there(kernel: TypedKernel) -> None:
    either = Fragment("a_see", BpfSource("", "a.bpf.c"), any_of=(SKB, DEVICE), emits=(One,))
    made = plan([declaration("a", either)], Request((RECEIVE, TRANSMIT, NAPI)), kernel)
    given = {p.probe: [c_type for c_type, _ in made.shapes[p.shape].args] for p in made.probes}
    assert given == {RECEIVE: [SKB], TRANSMIT: [SKB, DEVICE]}
    assert made.skipped == (NAPI,)


def test_what_is_needed_and_one_of_several_must_both_be_there(kernel: TypedKernel) -> None:
    see = Fragment("a_see", BpfSource("", "a.bpf.c"), needs=(SKB,), any_of=(DEVICE,), emits=(One,))
    made = plan([declaration("a", see)], Request((RECEIVE, TRANSMIT)), kernel)
    assert [p.probe for p in made.probes] == [TRANSMIT]


def test_a_getter_of_a_place_needs_nothing_and_is_called_nowhere_else(kernel: TypedKernel) -> None:
    getter = Getter("a_device", BpfSource("", "a.bpf.c"), gives=DEVICE, probes=(NAPI,))
    see = fragment("a_see", DEVICE)
    made = plan([declaration("a", see, getter)], Request((NAPI, TRANSMIT)), kernel)
    by_probe = {planned.probe: made.shapes[planned.shape] for planned in made.probes}
    assert [g.getter for g in by_probe[NAPI].getters] == [getter]
    assert by_probe[NAPI].fragments == (0,)
    assert TRANSMIT not in by_probe or by_probe[TRANSMIT].getters == ()


def test_a_getter_gives_what_a_probe_lacks(kernel: TypedKernel) -> None:
    getter = Getter("a_device", BpfSource("", "a.bpf.c"), gives=DEVICE, needs=("struct napi_struct *",))
    made = plan([declaration("a", fragment("a_see", DEVICE), getter)], Request((NAPI, TRANSMIT)), kernel)
    by_probe = {p.probe: made.shapes[p.shape] for p in made.probes}
    assert [g.getter for g in by_probe[NAPI].getters] == [getter]
    assert by_probe[TRANSMIT].getters == ()
    assert ("struct napi_struct *", 0) in by_probe[NAPI].args
