"""A function that several ask for is probed once, if any of them leaves open how."""

from __future__ import annotations

import pytest

from tracer_core.kernel.base import BtfKernel
from tracer_core.plan.asked import asked_places
from tracer_core.plan.places import Place
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import Probe, ProbeKind

FENTRY, KPROBE, FEXIT, KRETPROBE = ProbeKind.FENTRY, ProbeKind.KPROBE, ProbeKind.FEXIT, ProbeKind.KRETPROBE
KPROBES = Fixed(entries=(KPROBE,), returns=(KRETPROBE,))
TRAMPOLINES = Fixed(entries=(FENTRY,), returns=(FEXIT,))

with_tracefs = pytest.mark.parametrize(
    "kernel", [name for name in recorded_names() if recorded_kernel(name).functions is not None], indirect=True
)


def places_at(
    kernel: BtfKernel,
    function: str,
    *asked: str,
    collector: tuple[Probe, ...] = (),
    abilities: Fixed = Fixed(),  # noqa: B008 - immutable
    all_skb: bool = False,
    probe_stack: bool = False,
) -> list[Place]:
    """What is attached to at a function for what the user asks for, and a collector."""
    probes = tuple(map(parse_probe, asked))
    request = Request(probes, abilities=abilities, all_skb=all_skb, probe_stack=probe_stack)
    places, _ = asked_places(collector, request, kernel)
    return [place for place in places if place.probe.target == function]


@pytest.mark.parametrize("named", ["kprobe", "fentry"])
@pytest.mark.parametrize("order", [1, -1])
def test_a_mere_function_beside_a_probe_of_its_entry_is_that_probe(kernel: BtfKernel, named: str, order: int) -> None:
    (place,) = places_at(kernel, "ip_rcv", *["ip_rcv", f"{named}:ip_rcv"][::order])
    assert place.probe.kind.value == named


def test_what_either_asks_for_the_one_has(kernel: BtfKernel) -> None:
    (place,) = places_at(kernel, "ip_rcv", "ip_rcv/stack", "kprobe:ip_rcv/ftrace")
    assert (place.probe.kind, place.probe.stack, place.probe.ftrace) == (KPROBE, True, True)


def test_two_kinds_that_the_user_names_are_two_probes(kernel: BtfKernel) -> None:
    found = places_at(kernel, "ip_rcv", "fentry:ip_rcv", "kprobe:ip_rcv", "ip_rcv")
    assert [place.probe.kind for place in found] == [FENTRY, KPROBE]


def test_the_return_of_a_function_is_not_its_entry(kernel: BtfKernel) -> None:
    found = places_at(kernel, "ip_rcv", "kretprobe:ip_rcv", "ip_rcv")
    assert [place.probe.kind for place in found] == [KRETPROBE, FENTRY]


@with_tracefs
@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (("ip_rcv*", "kprobe:ip_rcv"), KPROBE),
        (("ip_rcv*", "fentry:ip_rcv"), FENTRY),
        (("ip_rcv", "kprobe:ip_rcv*"), KPROBE),
        (("ip_rcv", "ip_rcv*"), FENTRY),
        (("ip_rcv*", "ip_rcv"), KPROBE),
    ],
)
def test_a_function_that_a_pattern_matches_too_is_probed_once(
    kernel: BtfKernel, asked: tuple[str, ...], kind: ProbeKind
) -> None:
    (place,) = places_at(kernel, "ip_rcv", *asked)
    assert place.probe.kind is kind
    (other,) = places_at(kernel, "ip_rcv_finish", *asked)
    assert other.probe.kind is KPROBE


@pytest.mark.parametrize("asked", ["ip_rcv", "fentry:ip_rcv", "kprobe:ip_rcv"])
@pytest.mark.parametrize("all_skb", [True, False])
def test_what_is_probed_for_every_packet_or_in_stacks_is_not_probed_again(
    kernel: BtfKernel, asked: str, all_skb: bool
) -> None:
    wanted = parse_probe(asked).kind
    (place,) = places_at(kernel, "ip_rcv", asked, all_skb=all_skb, probe_stack=not all_skb)
    assert place.probe.kind is (FENTRY if wanted is ProbeKind.FUNCTION else wanted)
    assert not place.spare


@pytest.mark.parametrize(
    ("declared", "asked", "abilities", "kinds"),
    [
        (Probe.function("ip_rcv"), "kprobe:ip_rcv", Fixed(), [KPROBE]),
        (Probe.function("ip_rcv"), "fentry:ip_rcv", Fixed(), [FENTRY]),
        (Probe.function("ip_rcv", returns=True), "kretprobe:ip_rcv", Fixed(), [KRETPROBE]),
        (Probe.function("ip_rcv"), "kretprobe:ip_rcv", Fixed(), [KRETPROBE, FENTRY]),
        (Probe.function("ip_rcv"), "ip_rcv", Fixed(), [FENTRY]),
        (Probe(FENTRY, "ip_rcv"), "kprobe:ip_rcv", Fixed(), [KPROBE, FENTRY]),
        (Probe(KPROBE, "ip_rcv"), "ip_rcv", Fixed(), [KPROBE]),
    ],
)
def test_a_kind_that_a_collector_leaves_open_is_the_users(
    kernel: BtfKernel, declared: Probe, asked: str, abilities: Fixed, kinds: list[ProbeKind]
) -> None:
    found = places_at(kernel, "ip_rcv", asked, collector=(declared,), abilities=abilities)
    assert [place.probe.kind for place in found] == kinds


@pytest.mark.parametrize(("asked", "abilities"), [("kprobe:ip_rcv", TRAMPOLINES), ("fentry:ip_rcv", KPROBES)])
def test_a_kind_that_the_kernel_lacks_is_taken_by_nobody_else(kernel: BtfKernel, asked: str, abilities: Fixed) -> None:
    found = places_at(kernel, "ip_rcv", asked, collector=(Probe.function("ip_rcv"),), abilities=abilities)
    assert [place.probe.kind for place in found] == [parse_probe(asked).kind, *abilities.entries]


class Untried:
    """A kernel that must not be tried."""

    typed = cookies = multi = casts = True

    @property
    def entries(self) -> tuple[ProbeKind, ...]:
        raise AssertionError

    returns = entries


def test_where_nothing_is_left_open_the_kernel_is_not_tried(kernel: BtfKernel) -> None:
    request = Request((parse_probe("tp:skb:kfree_skb"), parse_probe("kprobe:ip_rcv")), abilities=Untried())
    places, _ = asked_places((), request, kernel)
    assert len(places) == len(request.probes)
