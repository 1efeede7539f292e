from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import pytest

from tracer_core.errors import PluginError, UsageError
from tracer_core.kernel.view import TypedKernel
from tracer_core.plan.plan import Identity, Plan
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.sections import Packet
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Getter, Probe, ProbeKind
from tracer_core.wire import U32, section

RECEIVE = Probe.tracepoint("net:netif_receive_skb")
TRANSMIT = Probe.tracepoint("net:net_dev_start_xmit")
NAPI = Probe.tracepoint("napi:napi_poll")
SKB, DEVICE = "struct sk_buff *", "struct net_device *"


@section("one")
class One(NamedTuple):
    value: U32


@section("two")
class Two(NamedTuple):
    value: U32


@section("reported", reported=True)
class Reported(NamedTuple):
    text: str


def fragment(function: str, *needs: str, emits: tuple[type, ...] = (One,), probes: tuple[Probe, ...] = ()) -> Fragment:
    return Fragment(function, BpfSource("", f"{function}.bpf.c"), needs=needs, emits=emits, probes=probes)


def declaration(
    name: str,
    *items: Fragment | Getter,
    sections: tuple[type, ...] = (),
    after: tuple[str, ...] = (),
    probes: tuple[Probe, ...] = (),
) -> Declaration:
    fragments = tuple(item for item in items if isinstance(item, Fragment))
    getters = tuple(item for item in items if isinstance(item, Getter))
    emitted = sections or tuple(dict.fromkeys(cls for f in fragments for cls in f.emits))
    spec = CollectorSpec(name, "A test.", sections=emitted, after=after)
    owner = Owner(name, f"tracer-{name}", "1.0")
    return Declaration(owner, spec, None, probes=probes, fragments=fragments, getters=getters)


def functions_at(made: Plan, probe: Probe) -> list[str]:
    planned = next(p for p in made.probes if p.probe == probe)
    return [made.fragments[index].fragment.function for index in made.shapes[planned.shape].fragments]


def test_equal_arguments_give_equal_plans(kernel: TypedKernel) -> None:
    def make() -> Plan:
        return plan([declaration("a", fragment("a_see", SKB))], Request((RECEIVE, TRANSMIT), netns=(7,)), kernel)

    assert make() == make()
    assert list(make().describe()) == list(make().describe())


def test_probes_with_the_same_code_share_one_shape(kernel: TypedKernel) -> None:
    made = plan([declaration("a", fragment("a_see", SKB))], Request((RECEIVE, TRANSMIT), netns=(7,)), kernel)
    assert len(made.shapes) == 1
    assert [p.shape for p in made.probes] == [0, 0]


def test_an_argument_that_only_one_probe_has_makes_a_shape_of_its_own(kernel: TypedKernel) -> None:
    made = plan(
        [declaration("a", fragment("a_see", SKB), fragment("a_dev", DEVICE, emits=(Two,)))],
        Request((RECEIVE, TRANSMIT)),
        kernel,
    )
    assert functions_at(made, RECEIVE) == ["a_see"]
    assert functions_at(made, TRANSMIT) == ["a_see", "a_dev"]
    assert len(made.shapes) == 2


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


def test_collectors_run_in_the_order_they_ask_for(kernel: TypedKernel) -> None:
    first = declaration("z", fragment("z_see", SKB, emits=(Two,)))
    second = declaration("a", fragment("a_see", SKB), after=("z",))
    made = plan([second, first], Request((RECEIVE,)), kernel)
    assert functions_at(made, RECEIVE) == ["z_see", "a_see"]
    assert [s.layout.name for s in made.sections] == ["two", "one"]


def test_the_same_probe_from_several_is_one_probe(kernel: TypedKernel) -> None:
    made = plan([declaration("a", fragment("a_see", SKB), probes=(RECEIVE,))], Request((RECEIVE,)), kernel)
    assert [p.probe for p in made.probes] == [RECEIVE]


def test_a_helper_probe_runs_only_the_fragments_that_name_it(kernel: TypedKernel) -> None:
    helper = Probe.tracepoint("skb:consume_skb", generic=False)
    own = declaration("a", fragment("a_forget", SKB, emits=(), probes=(helper,)), probes=(helper,))
    made = plan([own, declaration("b", fragment("b_see", SKB))], Request((RECEIVE,)), kernel)
    assert functions_at(made, helper) == ["a_forget"]
    assert functions_at(made, RECEIVE) == ["b_see"]


def test_a_helper_probe_that_the_user_asks_for_too_runs_everything(kernel: TypedKernel) -> None:
    helper = Probe.tracepoint("skb:consume_skb", generic=False)
    own = declaration("a", fragment("a_forget", SKB, emits=(), probes=(helper,)), probes=(helper,))
    user = Probe.tracepoint("skb:consume_skb")
    made = plan([own, declaration("b", fragment("b_see", SKB))], Request((user,)), kernel)
    assert functions_at(made, user) == ["a_forget", "b_see"]


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


def test_a_useless_probe_beside_a_useful_one_is_skipped_and_named(kernel: TypedKernel) -> None:
    made = plan([declaration("a", fragment("a_see", SKB))], Request((RECEIVE, NAPI)), kernel)
    assert made.skipped == (NAPI,)


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


def test_a_section_of_the_core_may_be_filled_by_several(kernel: TypedKernel) -> None:
    members = [declaration(n, fragment(f"{n}_see", SKB, emits=(Packet,))) for n in ("a", "b")]
    assert len(plan(members, Request((RECEIVE,)), kernel).sections) == 1


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


def test_what_one_asks_of_a_place_all_get(kernel: TypedKernel) -> None:
    asked = (Probe(ProbeKind.KPROBE, "ip_rcv"), Probe(ProbeKind.KPROBE, "ip_rcv", stack=True))
    made = plan([declaration("a", fragment("a_see", SKB))], Request(asked), kernel)
    (planned,) = made.probes
    assert planned.probe.stack
    assert [section.layout.name for section in made.sections] == ["one", "stack"]


def test_results_come_first_in_a_record_and_stacks_last(kernel: TypedKernel) -> None:
    asked = Probe(ProbeKind.KRETPROBE, "ip_rcv", stack=True)
    made = plan([declaration("a", fragment("a_see", SKB))], Request((asked,)), kernel)
    assert [section.layout.name for section in made.sections] == ["return", "one", "stack"]


@pytest.mark.parametrize("release", [name for name in recorded_names() if recorded_kernel(name).functions is not None])
def test_a_pattern_is_as_many_probes_as_places_match_it(release: str) -> None:
    pattern = Probe(ProbeKind.KPROBE, "ip_rcv*")
    made = plan([declaration("a", fragment("a_see", SKB))], Request((pattern,)), recorded_kernel(release))
    assert {"ip_rcv", "ip_rcv_finish"} <= {planned.probe.target for planned in made.probes}
