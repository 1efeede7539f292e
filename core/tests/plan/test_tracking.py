from __future__ import annotations

from collections.abc import Mapping

import pytest

from tracer_core.errors import UsageError
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.following import Role, Sight
from tracer_core.plan.plan import Identity, Plan, Shape
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Abilities, Fixed, Request, parse_probe
from tracer_core.plan.tracking import TRACKED, track
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.sections import TrackedData
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Probe, ProbeKind

SKB = "struct sk_buff *"
RECENT = Fixed()
NOWHERE = Fixed(entries=(), returns=(), cookies=False, multi=False)
ONLY_KPROBES = Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,), cookies=False, multi=False)
MOVED = {
    "fentry:kfree_skb_partial": Role.FREES_STOLEN,
    "fentry:napi_reuse_skb": Role.REUSES,
    "fentry:napi_skb_free_stolen_head": Role.FREES,
    "fexit:pskb_expand_head": Role.MOVES,
}
MEMORY = {"tp:kmem:kfree": Role.FREES_MEMORY, "tp:kmem:kmem_cache_free": Role.FREES_MEMORY}


def declaration(*needs: str) -> Declaration:
    fragments = tuple(Fragment(f"a_see{n}", BpfSource("", "a.bpf.c"), needs=(need,)) for n, need in enumerate(needs))
    return Declaration(Owner("a"), CollectorSpec("a", "A test."), None, fragments=fragments)


def planned(
    kernel: TypedKernel,
    *probes: str,
    needs: tuple[str, ...] = (TRACKED,),
    abilities: Abilities = RECENT,
    sort: bool = False,
) -> Plan:
    request = Request(tuple(map(parse_probe, probes)), abilities=abilities, sort=sort)
    return plan([declaration(*needs)], request, kernel)


def shapes(made: Plan) -> dict[str, Shape]:
    return {str(p.probe): made.shapes[p.shape] for p in made.probes}


def roles(kernel: TypedKernel, abilities: Abilities) -> Mapping[str, Role]:
    return {str(helper.place.probe): helper.role for helper in track(kernel, abilities).helpers}


@pytest.mark.parametrize("name", ["6.1", "6.12", "6.18"])
def test_where_one_function_frees_data_it_is_probed_for_that(name: str) -> None:
    assert roles(recorded_kernel(name), Fixed()) == {"fentry:skb_free_head": Role.FREES, **MOVED}
    assert not track(recorded_kernel(name), Fixed()).weakness


def test_where_that_function_is_inlined_freed_memory_is_looked_at() -> None:
    found = roles(recorded_kernel("5.10"), Fixed())
    assert found == {**MEMORY, **MOVED, "fentry:skb_release_data": Role.RELEASES}


def test_where_functions_cannot_be_probed_tracepoints_must_do_and_that_is_said(kernel: TypedKernel) -> None:
    found = track(kernel, NOWHERE)
    released = {"tp:skb:consume_skb": Role.RELEASES, "tp:skb:kfree_skb": Role.RELEASES}
    assert roles(kernel, NOWHERE) == {**MEMORY, **released}
    assert "functions cannot be probed here" in found.weakness


def test_helpers_come_last_and_run_nobodys_fragments(kernel: TypedKernel) -> None:
    made = planned(kernel, "tp:net:netif_receive_skb", needs=(SKB, TRACKED))
    assert made.tracking
    first, *helpers = (made.shapes[p.shape] for p in made.probes)
    assert first.sight is Sight.FIRST
    assert first.fragments == (0, 1)
    assert helpers
    assert all(shape.is_helper and shape.role for shape in helpers)
    assert not made.sections


def test_nothing_is_probed_for_tracking_if_nobody_asks_for_it(kernel: TypedKernel) -> None:
    made = planned(kernel, "tp:net:netif_receive_skb", needs=(SKB,))
    assert not made.tracking
    assert len(made.probes) == 1
    assert shapes(made)["tp:net:netif_receive_skb"].sight is None


def test_a_place_without_packets_is_none_for_a_fragment_that_needs_to_know_which_it_is(kernel: TypedKernel) -> None:
    with pytest.raises(UsageError, match="no collector could retrieve data"):
        planned(kernel, "tp:napi:napi_poll")


@pytest.mark.parametrize("probe", ["kretprobe:ip_rcv", "fexit:ip_rcv", "tp:net:net_dev_xmit", "kfree_skbmem"])
def test_packets_that_may_be_gone_are_looked_up_but_not_followed_from_there(kernel: TypedKernel, probe: str) -> None:
    made = planned(kernel, probe)
    assert made.shapes[made.probes[0].shape].sight is Sight.LATER


@pytest.mark.parametrize("kind", ["kprobe", "fentry"])
def test_a_users_probe_where_data_is_freed_does_the_helpers_work_after_its_own(kind: str) -> None:
    made = planned(recorded_kernel("6.1"), f"{kind}:skb_free_head", "tp:net:netif_receive_skb")
    first = made.shapes[made.probes[0].shape]
    assert str(made.probes[0].probe) == f"{kind}:skb_free_head"
    assert first.role is Role.FREES
    assert not first.is_helper


def test_trampolines_that_tell_where_packets_end_are_there_twice_since_none_runs_in_an_interrupt_of_itself() -> None:
    made = planned(recorded_kernel("6.1"), "skb_free_head", "tp:net:netif_receive_skb")
    names = [str(p.probe) for p in made.probes]
    assert names.count("fentry:skb_free_head") == 3
    assert names.count("fentry:kfree_skb_partial") == 2
    assert names.count("fexit:pskb_expand_head") == 1


def test_a_users_probe_at_a_tracepoint_of_helpers_is_all_that_is_there(kernel: TypedKernel) -> None:
    made = planned(kernel, "tp:skb:kfree_skb", abilities=NOWHERE)
    assert [str(p.probe) for p in made.probes].count("tp:skb:kfree_skb") == 1


def test_a_users_probe_where_data_moves_notes_the_packet_and_the_return_is_still_probed() -> None:
    made = planned(recorded_kernel("6.1"), "pskb_expand_head", "fexit:pskb_expand_head")
    names = [str(p.probe) for p in made.probes]
    assert names[:2] == ["fentry:pskb_expand_head", "fexit:pskb_expand_head"]
    assert names.count("fexit:pskb_expand_head") == 2
    first, second, *_, last = (made.shapes[p.shape] for p in made.probes)
    assert (first.role, second.role, last.role) == (Role.NOTES, None, Role.MOVES)


def test_without_cookies_helpers_at_kprobes_know_themselves(kernel: TypedKernel) -> None:
    made = planned(kernel, "tp:net:netif_receive_skb", abilities=ONLY_KPROBES)
    kinds = {shape.kind: shape.identity for shape in made.shapes if shape.kind.breaks}
    assert kinds[ProbeKind.KRETPROBE] is Identity.CONSTANT
    assert set(kinds) == {ProbeKind.KPROBE, ProbeKind.KRETPROBE}


def test_the_plan_is_told_with_what_is_done_where(kernel: TypedKernel) -> None:
    lines = "\n".join(planned(kernel, "tp:net:netif_receive_skb").describe())
    assert "  tracking: tracks" in lines
    assert "fexit:pskb_expand_head: program" in lines
    assert "  tracking: data has moved" in lines


def test_only_who_sorts_is_told_of_data_and_no_event_has_a_section_of_that(kernel: TypedKernel) -> None:
    assert planned(kernel, "tp:net:netif_receive_skb").tracked_data is None
    made = planned(kernel, "tp:net:netif_receive_skb", sort=True)
    assert made.tracked_data is not None
    assert [section.layout.cls for section in made.sections] == [TrackedData]
    assert made.layouts == ()


def test_nobody_is_told_of_packets_that_are_not_followed(kernel: TypedKernel) -> None:
    assert planned(kernel, "tp:net:netif_receive_skb", needs=(SKB,), sort=True).tracked_data is None


def test_a_place_in_a_process_frees_no_packet(kernel: TypedKernel) -> None:
    assert track(kernel, Fixed()).role_at(Probe.uprobe(1, "skb_free_head")) is None
