"""What is planned and composed on recorded kernels, and why some cannot."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from plugins.ovs.tests.made_up import planned

from tracer_core.backend.compiler import Compiler
from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Machine
from tracer_core.plan.request import Fixed
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import ProbeKind
from tracer_ovs import kernel as facts

if TYPE_CHECKING:
    from tracer_core.plan.plan import Plan, Shape

KERNELS = ("6.1", "6.12")
WAYS = {
    "trampolines": Fixed(),
    "kprobes": Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,), typed=False),
}


def shapes(made: Plan) -> dict[str, Shape]:
    """By target, and whether it is at the return."""
    return {
        f"{planned.probe.target}{' returns' if planned.probe.kind.returns else ''}": made.shapes[planned.shape]
        for planned in made.probes
    }


@pytest.mark.parametrize("name", KERNELS)
def test_a_kernel_with_the_module_has_all_that_is_needed(name: str) -> None:
    assert facts.unavailable(recorded_kernel(name)) is None


@pytest.mark.parametrize(
    ("name", "reason"), [("5.10", "this kernel has no tracepoint ovs_dp_upcall"), ("6.18", "is not loaded")]
)
def test_a_kernel_that_lacks_it_says_what(name: str, reason: str) -> None:
    found = facts.unavailable(recorded_kernel(name))
    assert found is not None
    assert reason in found.reason
    assert found.hint


@pytest.mark.parametrize("name", KERNELS)
def test_the_packet_of_a_lookup_is_the_one_that_is_processed(name: str) -> None:
    lookup = shapes(planned(recorded_kernel(name), "skb", track=False))[f"{facts.LOOKUP} returns"]
    assert [getter.getter.function for getter in lookup.getters] == ["ovs_noted_packet"]
    assert lookup.typed
    assert not lookup.plain  # it comes out of a map


@pytest.mark.parametrize("name", KERNELS)
def test_where_things_are_only_noted_nobody_else_reports(name: str) -> None:
    made = planned(recorded_kernel(name), "skb", "ct", "nft", "skb_tracking")
    found = shapes(made)
    for place in ("skb_zerocopy", "ovs_execute_actions", "ovs_execute_actions returns"):
        assert [made.fragments[at].owner.name for at in found[place].fragments] == ["ovs"]
        assert found[place].anonymous  # whatever packet the copy is
        assert not found[place].reports
    assert [made.fragments[at].owner.name for at in found["ovs_dp_process_packet"].fragments] == ["ovs"]


def test_without_following_the_border_is_not_probed() -> None:
    made = planned(recorded_kernel("6.12"), "skb", track=False)
    assert "skb_zerocopy" not in shapes(made)
    assert not any(planned.probe.kind.in_process for planned in made.probes)


@pytest.mark.bpf
@pytest.mark.parametrize("track", [False, True], ids=["datapath", "tracked"])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", KERNELS)
def test_what_is_composed_compiles(name: str, way: str, track: bool) -> None:
    kernel = recorded_kernel(name)
    made = planned(kernel, "skb", "skb_tracking", track=track, abilities=WAYS[way], netns=(1,))
    composition = compose(made, kernel, Machine(2))
    with Compiler() as compiler:
        compiled = compiler.compile(composition.text, [f for p in composition.programs for f in p.functions])
    assert ("ovs_batches" in compiled.maps) == track
    for descriptor in compiled.maps.values():
        os.close(descriptor)
