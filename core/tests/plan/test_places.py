from __future__ import annotations

import pytest

from tracer_core.errors import MachineError, UsageError
from tracer_core.kernel.base import BtfKernel
from tracer_core.plan.places import locate
from tracer_core.plan.request import Request, parse_probe
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import Probe, ProbeKind

FENTRY, KPROBE = ProbeKind.FENTRY, ProbeKind.KPROBE


@pytest.fixture(params=recorded_names())
def kernel(request: pytest.FixtureRequest) -> BtfKernel:
    return recorded_kernel(request.param)


def kind_of(probe: str, request: Request, kernel: BtfKernel) -> ProbeKind:
    place = locate(parse_probe(probe), request, kernel)
    assert place is not None
    return place[0].kind


def test_a_mere_function_takes_the_cheapest_way_that_works_here(kernel: BtfKernel) -> None:
    assert kind_of("ip_rcv", Request(), kernel) is FENTRY
    assert kind_of("ip_rcv", Request(functions=(KPROBE,)), kernel) is KPROBE


def test_a_way_that_the_user_asks_for_is_obeyed(kernel: BtfKernel) -> None:
    assert kind_of("kprobe:ip_rcv", Request(), kernel) is KPROBE
    assert kind_of("fentry:ip_rcv", Request(functions=(KPROBE,)), kernel) is FENTRY


def test_without_any_way_the_error_names_both(kernel: BtfKernel) -> None:
    with pytest.raises(MachineError, match="neither fentry nor kprobes"):
        locate(parse_probe("ip_rcv"), Request(functions=()), kernel)


@pytest.mark.parametrize("release", ["6.1", "6.12"])
def test_a_function_of_a_module_is_probed_by_kprobe_and_fentry_says_why_not(release: str) -> None:
    kernel = recorded_kernel(release)
    assert kind_of("nf_conntrack_in", Request(), kernel) is KPROBE
    with pytest.raises(MachineError, match="in module nf_conntrack"):
        locate(parse_probe("fentry:nf_conntrack_in"), Request(), kernel)


def test_an_optional_place_that_is_not_there_is_none(kernel: BtfKernel) -> None:
    assert locate(Probe.function("no_such_function", optional=True), Request(), kernel) is None
    assert locate(Probe.tracepoint("net:gone", optional=True), Request(), kernel) is None


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("tp:net:netif_recieve_skb", "tp:net:netif_receive_skb"),
        ("tp:nett:netif_receive_skb", "netif_receive_skb"),
        ("ip_rcvv", "ip_rcv"),
        ("kprobe:tcp_v4_rvc", "tcp_v4_rcv"),
    ],
)
def test_an_unknown_place_is_told_its_near_matches(kernel: BtfKernel, given: str, near: str) -> None:
    with pytest.raises(UsageError, match="this kernel has no such") as error:
        locate(parse_probe(given), Request(), kernel)
    assert near in error.value.hint
