"""What is listed as a place to probe is what the plan takes, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest

from tracer_core.errors import MachineError, UsageError
from tracer_core.kernel.base import BtfKernel
from tracer_core.plan.inspection import Found, Inspection, Source, wanted
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plan.tracking import TRACKED
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Getter, Probe, ProbeKind
from tracer_core.wire import U32, section

SKB, DEVICE, NET, STATE = "struct sk_buff *", "struct net_device *", "struct net *", "struct nf_hook_state *"
SOURCE = BpfSource("", "one.bpf.c")
FORWARD = Probe.function("ip_forward")

WITH_TRACEFS = [name for name in recorded_names() if recorded_kernel(name).functions is not None]


@section("one")
class One(NamedTuple):
    value: U32


def declared(*items: Fragment | Getter, name: str = "one", probes: tuple[Probe, ...] = ()) -> Declaration:
    return Declaration(
        Owner(name, f"tracer-{name}", "1.0"),
        CollectorSpec(name, "A test.", sections=(One,)),
        None,
        probes=probes,
        fragments=tuple(item for item in items if isinstance(item, Fragment)),
        getters=tuple(item for item in items if isinstance(item, Getter)),
    )


def fragment(*needs: str, any_of: tuple[str, ...] = (), probes: tuple[Probe, ...] = ()) -> Fragment:
    return Fragment("one_see", SOURCE, needs=needs, any_of=any_of, emits=(One,), probes=probes)


CASES = {
    "one type": (fragment(SKB),),
    "two types": (fragment(SKB, DEVICE),),
    "any of two": (fragment(any_of=(NET, DEVICE)),),
    "a getter": (fragment(SKB), Getter("one_skb", SOURCE, gives=SKB, needs=(STATE,))),
    "a getter at one place": (fragment(SKB), Getter("one_skb", SOURCE, gives=SKB, needs=(NET,), probes=(FORWARD,))),
    "getters one after the other": (
        fragment(DEVICE),
        Getter("one_skb", SOURCE, gives=SKB, needs=(STATE,)),
        Getter("one_device", SOURCE, gives=DEVICE, needs=(SKB,)),
    ),
    "a place of its own": (fragment(SKB, probes=(FORWARD, Probe.tracepoint("skb:kfree_skb"))),),
    "nothing at a place of its own": (fragment(probes=(FORWARD,)),),
    "nothing": (fragment(),),
    "which packet it is": (fragment(TRACKED),),
}


def listed(declaration: Declaration, pattern: str, kernel: BtfKernel) -> list[Found]:
    return Inspection([declaration], kernel).places(wanted(pattern))


def names(found: list[Found]) -> list[str]:
    return [str(place.probe) for place in found]


@pytest.mark.parametrize("pattern", ["kprobe:*", "kretprobe:*", "tp:*", "fentry:*"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", WITH_TRACEFS)
def test_all_that_the_plan_takes_is_listed_and_nothing_else(name: str, case: str, pattern: str) -> None:
    kernel = recorded_kernel(name)
    declaration = declared(*CASES[case])
    probe = wanted(pattern)
    request = Request((Probe(probe.kind or ProbeKind.KPROBE, "*"),), abilities=Fixed())
    try:
        made = plan([declaration], request, kernel)
    except UsageError:
        with pytest.raises(UsageError):
            listed(declaration, pattern, kernel)
        return
    taken = sorted(str(p.probe) for p in made.probes if not made.shapes[p.shape].is_helper)
    assert names(listed(declaration, pattern, kernel)) == taken


def test_functions_come_first_and_each_group_is_sorted(kernel: BtfKernel) -> None:
    found = names(listed(declared(fragment(SKB)), "*", kernel))
    functions = [name for name in found if name.startswith("kprobe:")]
    tracepoints = [name for name in found if name.startswith("tp:")]
    assert found == sorted(functions) + sorted(tracepoints)
    assert functions
    assert tracepoints


def test_it_is_no_error_if_only_functions_match(kernel: BtfKernel) -> None:
    assert names(listed(declared(fragment(SKB)), "tcp_v4_rcv", kernel)) == ["kprobe:tcp_v4_rcv"]


def test_a_tracepoint_is_found_without_its_group(kernel: BtfKernel) -> None:
    assert names(listed(declared(fragment(SKB)), "netif_receive_skb", kernel)) == [
        "kprobe:netif_receive_skb",
        "tp:net:netif_receive_skb",
    ]


def test_where_functions_cannot_be_attached_to_only_those_that_are_asked_for_are_listed(kernel: BtfKernel) -> None:
    inspection = Inspection([declared(fragment(SKB))], kernel)

    def without(pattern: str) -> list[str]:
        return names(inspection.places(wanted(pattern), entry=None))

    assert {name.partition(":")[0] for name in without("*")} == {"tp"}
    assert without("*:netif_receive_skb") == ["tp:net:netif_receive_skb"] == without("netif_receive_sk*")[:1]
    assert without("tcp_v4_rcv") == without("kprobe:tcp_v4_rc*") == ["kprobe:tcp_v4_rcv"]
    with pytest.raises(MachineError, match=r"only functions, which cannot .* tracer inspect -p 'kprobe:tcp_v4_rc\*'"):
        without("tcp_v4_rc*")
    with pytest.raises(UsageError, match="there is nothing that one could retrieve data from"):
        without("nosuch*")


def test_functions_are_listed_by_the_way_in_which_they_can_be_attached_to(kernel: BtfKernel) -> None:
    inspection = Inspection([declared(fragment(SKB))], kernel)
    assert names(inspection.places(wanted("tcp_v4_rcv"), entry=ProbeKind.FENTRY)) == ["fentry:tcp_v4_rcv"]


def test_a_pointer_to_a_pointer_to_a_packet_is_none(kernel: BtfKernel) -> None:
    both = kernel.functions_taking([SKB, "struct sk_buff **"]).items()
    name = next(name for name, positions in both if SKB not in positions and kernel.symbol(name) is not None)
    with pytest.raises(UsageError, match="nothing that one could retrieve data from"):
        listed(declared(fragment(SKB)), name, kernel)


def test_a_misspelled_name_is_answered_with_near_ones(kernel: BtfKernel) -> None:
    with pytest.raises(UsageError, match=r"no such traceable function; did you mean .*ip_rcv"):
        listed(declared(fragment(SKB)), "ip_recv", kernel)


def test_options_of_probes_are_refused() -> None:
    with pytest.raises(UsageError, match="options of probes are not for inspect"):
        wanted("kprobe:ip_rcv/stack")


@pytest.mark.parametrize(
    ("text", "target"), [("*", "*"), ("ip_*", "ip_*"), ("kprobe:ip_rcv", "ip_rcv"), ("net:*", "net:*")]
)
def test_patterns_are_what_probes_are(text: str, target: str) -> None:
    assert wanted(text).target == target


def test_each_reader_says_which_argument_or_getter_it_reads(kernel: BtfKernel) -> None:
    getter = Getter("two_net", SOURCE, gives=NET, needs=(SKB,))
    two = declared(replace(fragment(NET), function="two_see"), getter, name="two")
    (found,) = Inspection([declared(fragment(TRACKED)), two], kernel).places(wanted("kprobe:ip_forward"))
    assert [(owner.name, sources) for owner, sources in found.readers] == [
        ("one", (Source(SKB, 0),)),
        ("two", (Source(NET, None, "two_net"),)),
    ]


class Unmounted(BtfKernel):
    """A kernel whose tracefs cannot be read."""

    events = None
    functions = None


class TestWithoutTracefs:
    @pytest.fixture
    def unmounted(self) -> BtfKernel:
        return Unmounted(recorded_kernel("6.12")._source)

    def test_where_functions_cannot_be_attached_to_either_it_is_said_what_to_mount(self, unmounted: BtfKernel) -> None:
        with pytest.raises(MachineError, match="mount -t tracefs tracefs /sys/kernel/tracing"):
            Inspection([declared(fragment(SKB))], unmounted).places(wanted("*"), entry=None)

    def test_functions_with_an_address_are_listed(self, unmounted: BtfKernel) -> None:
        found = names(listed(declared(fragment(SKB)), "*", unmounted))
        assert "kprobe:ip_rcv" in found
        assert not any(name.startswith("tp:") for name in found)

    def test_a_tracepoint_that_is_named_is_found(self, unmounted: BtfKernel) -> None:
        probe = "tp:net:netif_receive_skb"
        assert names(listed(declared(fragment(SKB)), probe, unmounted)) == [probe]

    def test_a_pattern_of_tracepoints_says_what_is_missing(self, unmounted: BtfKernel) -> None:
        with pytest.raises(MachineError, match=r"tracefs.*mount it"):
            listed(declared(fragment(SKB)), "tp:net:*", unmounted)
