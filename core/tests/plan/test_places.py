from __future__ import annotations

from fnmatch import fnmatchcase

import pytest

from tracer_core.errors import MachineError, UsageError
from tracer_core.kernel.base import BtfKernel
from tracer_core.kernel.view import Result, ResultForm
from tracer_core.plan.places import locate
from tracer_core.plan.request import Abilities, Fixed, parse_probe
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import Probe, ProbeKind

FENTRY, KPROBE, FEXIT, KRETPROBE = ProbeKind.FENTRY, ProbeKind.KPROBE, ProbeKind.FEXIT, ProbeKind.KRETPROBE
WITH_TRACEFS = [name for name in recorded_names() if recorded_kernel(name).functions is not None]


def kind_of(probe: str, abilities: Abilities, kernel: BtfKernel) -> ProbeKind:
    (place,) = locate(parse_probe(probe), abilities, kernel)
    return place.probe.kind


def targets(probe: str, kernel: BtfKernel) -> list[str]:
    return [place.probe.target for place in locate(parse_probe(probe), Fixed(), kernel)]


def test_a_mere_function_takes_the_cheapest_way_that_works_here(kernel: BtfKernel) -> None:
    assert kind_of("ip_rcv", Fixed(), kernel) is FENTRY
    assert kind_of("ip_rcv", Fixed(entries=(KPROBE,)), kernel) is KPROBE


@pytest.mark.parametrize(("returns", "kind"), [((FEXIT, KRETPROBE), FEXIT), ((KRETPROBE,), KRETPROBE)])
def test_a_return_takes_the_cheapest_way_that_works_here(
    kernel: BtfKernel, returns: tuple[ProbeKind, ...], kind: ProbeKind
) -> None:
    (place,) = locate(Probe.function("ip_rcv", returns=True), Fixed(returns=returns), kernel)
    assert place.probe.kind is kind
    assert place.prototype.result == Result(ResultForm.SIGNED, 4)


@pytest.mark.parametrize("kind", [KPROBE, KRETPROBE, FENTRY, FEXIT])
def test_a_way_that_the_user_asks_for_is_obeyed(kernel: BtfKernel, kind: ProbeKind) -> None:
    assert kind_of(f"{kind.value}:ip_rcv", Fixed(entries=(), returns=()), kernel) is kind


@pytest.mark.parametrize(("returns", "names"), [(False, "neither fentry nor kprobes"), (True, "neither fexit nor kr")])
def test_without_any_way_the_error_names_those_tried(kernel: BtfKernel, returns: bool, names: str) -> None:
    with pytest.raises(MachineError, match=names):
        list(locate(Probe.function("ip_rcv", returns=returns), Fixed(entries=(), returns=()), kernel))


def test_a_function_that_cannot_be_probed_is_answered_with_the_tracepoint_of_its_name(kernel: BtfKernel) -> None:
    for name, meant in (
        ("netif_receive_skb", "the tracepoint of that name, tp:net:netif_receive_skb"),
        ("ip_rcv", "a tracepoint, tp:GROUP:NAME"),
    ):
        with pytest.raises(MachineError) as caught:
            list(locate(Probe.function(name), Fixed(entries=()), kernel))
        assert caught.value.hint == f"give {meant}; see: tracer doctor"


@pytest.mark.parametrize("release", ["6.1", "6.12"])
def test_a_function_of_a_module_is_probed_like_any_other(release: str) -> None:
    (place,) = locate(parse_probe("nf_conntrack_in"), Fixed(), recorded_kernel(release))
    assert place.probe.kind is FENTRY
    assert place.prototype.module == "nf_conntrack"


@pytest.mark.parametrize("release", ["6.1", "6.12"])
def test_what_a_trampoline_cannot_pass_on_is_probed_by_kprobe_and_fentry_says_why_not(release: str) -> None:
    kernel = recorded_kernel(release)
    name = "ip_mc_validate_source"  # seven arguments
    assert kind_of(name, Fixed(), kernel) is KPROBE
    with pytest.raises(MachineError, match="more than 6 arguments"):
        list(locate(parse_probe(f"fentry:{name}"), Fixed(), kernel))
    with pytest.raises(MachineError, match="more than 6 arguments") as error:
        list(locate(parse_probe(f"fexit:{name}"), Fixed(), kernel))
    assert error.value.hint == "use a kretprobe"


def test_an_optional_place_that_is_not_there_is_none(kernel: BtfKernel) -> None:
    assert list(locate(Probe.function("no_such_function", optional=True), Fixed(), kernel)) == []
    assert list(locate(Probe.tracepoint("net:gone", optional=True), Fixed(), kernel)) == []


@pytest.mark.parametrize("release", WITH_TRACEFS)
@pytest.mark.parametrize(
    ("given", "some"),
    [
        ("kprobe:ip_rcv*", {"ip_rcv", "ip_rcv_finish"}),
        ("ip_local_deliver*", {"ip_local_deliver", "ip_local_deliver_finish"}),
        ("kr:*ip_rcv", {"ip_rcv"}),
        ("tp:skb:kfree_*", {"skb:kfree_skb"}),
        ("tp:*:kfree_skb", {"skb:kfree_skb"}),
        ("tp:*skb*", {"skb:kfree_skb", "net:netif_receive_skb"}),
    ],
)
def test_a_pattern_stands_for_all_that_match_by_name(release: str, given: str, some: set[str]) -> None:
    found = targets(given, recorded_kernel(release))
    assert some <= set(found)
    assert found == sorted(set(found))
    pattern = parse_probe(given).target
    assert all(fnmatchcase(name, pattern) for name in found)


@pytest.mark.parametrize("release", WITH_TRACEFS)
def test_many_functions_are_probed_by_kprobes_which_cost_less_to_attach(release: str) -> None:
    kernel = recorded_kernel(release)
    places = list(locate(parse_probe("ip_rcv*"), Fixed(), kernel))
    assert {place.probe.kind for place in places} == {KPROBE}
    assert all(place.probe.optional for place in places)


@pytest.mark.parametrize("release", WITH_TRACEFS)
@pytest.mark.parametrize("given", ["*foo_not_there*", "tp:kfree_*", "tp:*:no_such_event", "kprobe:no_such_*"])
def test_a_pattern_that_matches_nothing_is_refused(release: str, given: str) -> None:
    with pytest.raises(UsageError, match="that matches"):
        targets(given, recorded_kernel(release))


@pytest.mark.parametrize("release", sorted({*recorded_names()} - {*WITH_TRACEFS}))
def test_a_pattern_needs_the_lists_of_tracefs(release: str) -> None:
    with pytest.raises(MachineError, match="needs tracefs") as error:
        targets("ip_*", recorded_kernel(release))
    assert "mount" in error.value.hint


@pytest.mark.parametrize("given", ["foobar", "tp:42:foobar", "foo:kfree_skb_not", "kprobe:foobar"])
def test_what_the_kernel_does_not_have_is_refused(kernel: BtfKernel, given: str) -> None:
    with pytest.raises(UsageError, match="this kernel has no such"):
        targets(given, kernel)


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
        list(locate(parse_probe(given), Fixed(), kernel))
    assert near in error.value.hint
