"""Functions as places: how they are probed, and which programs they share."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core.tests.plan.declarations import DEVICE, SKB, declaration, fragment

from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.plan import Identity
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import Probe, ProbeKind


def test_a_function_asked_for_twice_in_the_same_way_is_one_probe(kernel: TypedKernel) -> None:
    request = Request((Probe.function("ip_rcv"), Probe(ProbeKind.FENTRY, "ip_rcv"), Probe(ProbeKind.KPROBE, "ip_rcv")))
    made = plan([declaration("a", fragment("a_see", SKB))], request, kernel)
    assert [str(p.probe) for p in made.probes] == ["fentry:ip_rcv", "kprobe:ip_rcv"]
    assert [made.shapes[p.shape].typed for p in made.probes] == [True, False]


def test_a_fragment_for_a_function_runs_there_however_it_is_probed(kernel: TypedKernel) -> None:
    place = Probe.function("ip_rcv", generic=False)
    own = declaration("a", fragment("a_see", SKB, probes=(place,)), probes=(place,))
    for kinds in ((ProbeKind.FENTRY,), (ProbeKind.KPROBE,)):
        made = plan([own], Request(abilities=Fixed(entries=kinds)), kernel)
        assert [p.probe.kind for p in made.probes] == list(kinds)
        assert made.shapes[0].fragments == (0,)


@pytest.mark.parametrize(
    ("kind", "cookies", "identity"),
    [
        (ProbeKind.KPROBE, True, Identity.COOKIE),
        (ProbeKind.KRETPROBE, True, Identity.COOKIE),
        (ProbeKind.KPROBE, False, Identity.ADDRESS),
        (ProbeKind.KRETPROBE, False, Identity.CONSTANT),
        (ProbeKind.FENTRY, True, Identity.CONSTANT),
    ],
)
def test_a_program_knows_its_probe_in_the_way_that_the_kernel_has(
    kernel: TypedKernel, kind: ProbeKind, cookies: bool, identity: Identity
) -> None:
    request = Request((Probe(kind, "ip_rcv"),), abilities=Fixed(cookies=cookies))
    made = plan([declaration("a", fragment("a_see", SKB))], request, kernel)
    assert made.shapes[0].identity is identity
    wanted = kernel.symbol("ip_rcv") if identity is Identity.ADDRESS else 0
    assert made.probes[0].address == wanted
    assert made.multi is (kind.breaks and cookies)


FUNCTIONS = tuple(Probe(ProbeKind.KPROBE, name) for name in ("ip_rcv", "ipv6_rcv", "ip_local_deliver", "ip_local_out"))


def test_without_cookies_functions_with_the_same_arguments_share_a_program(kernel: TypedKernel) -> None:
    request = Request(FUNCTIONS, abilities=Fixed(cookies=False))
    made = plan([declaration("a", fragment("a_see", SKB))], request, kernel)
    shape = {planned.probe.target: planned.shape for planned in made.probes}
    assert shape["ip_rcv"] == shape["ipv6_rcv"] == shape["ip_local_deliver"]
    assert shape["ip_local_out"] != shape["ip_rcv"]  # its third argument is the skb


def test_with_cookies_functions_share_a_program_wherever_their_arguments_are(kernel: TypedKernel) -> None:
    sees = replace(fragment("a_see"), any_of=(SKB, DEVICE))
    made = plan([declaration("a", sees)], Request(FUNCTIONS), kernel)
    (shape,) = made.shapes
    assert [c_type for c_type, _ in shape.args] == [SKB, DEVICE]
    arguments = {planned.probe.target: dict(planned.arguments(shape)) for planned in made.probes}
    assert arguments["ip_rcv"] == {SKB: 0, DEVICE: 1}
    assert arguments["ip_local_deliver"] == {SKB: 0}
    assert arguments["ip_local_out"] == {SKB: 2}
    cookies = {planned.probe.target: planned.cookie(index) for index, planned in enumerate(made.probes)}
    assert cookies["ip_rcv"] == 0b001_000 << 32 | 0
    assert cookies["ip_local_deliver"] == 0b111_000 << 32 | 2
    assert cookies["ip_local_out"] == 0b111_010 << 32 | 3


@pytest.mark.parametrize("release", [name for name in recorded_names() if recorded_kernel(name).functions is not None])
def test_a_pattern_is_as_many_probes_as_places_match_it(release: str) -> None:
    pattern = Probe(ProbeKind.KPROBE, "ip_rcv*")
    made = plan([declaration("a", fragment("a_see", SKB))], Request((pattern,)), recorded_kernel(release))
    assert {"ip_rcv", "ip_rcv_finish"} <= {planned.probe.target for planned in made.probes}
