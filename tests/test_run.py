"""Programs on the running kernel: getters, verdicts of fragments, the switch, both ways to read."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from tracer_core.backend.bcc import BccBackend
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.events.objects import events_of
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Getter
from tracer_core.wire import U32, section

if TYPE_CHECKING:
    from tracer_core.sections import Event
    from tracer_core.testing.netns import TwoNamespaces

pytestmark = pytest.mark.bpf

RECEIVE = parse_probe("tp:net:netif_receive_skb")


@section("demo")
class Demo(NamedTuple):
    """What the test's collector reports."""

    ifindex: U32
    len: U32


@section("room")
class Room(NamedTuple):
    """Never added: it only leaves room in the record, so that space is not what stops a second ``demo``."""

    nothing: U32


SOURCE = BpfSource(
    """
static __always_inline struct net_device *demo_device(struct tracer_ctx *ctx)
{
	return TRACER_GET(ctx, ctx->sk_buff, dev);
}

static __always_inline int demo_collect(struct tracer_ctx *ctx, struct tracer_event *event)
{
	struct section_demo *demo;

	if (!ctx->sk_buff)
		return TRACER_NOTHING;
	demo = tracer_add(event, demo);
	if (!demo)
		return TRACER_NOTHING;
	demo->ifindex = TRACER_GET(ctx, ctx->net_device, ifindex);
	demo->len = TRACER_GET(ctx, ctx->sk_buff, len);
	return DEMO_VERDICT;
}

static __always_inline int demo_twice(struct tracer_ctx *ctx, struct tracer_event *event)
{
	return tracer_add(event, demo) ? TRACER_VETO : TRACER_NOTHING;
}

static __always_inline int demo_judge(struct tracer_ctx *ctx, struct tracer_event *event)
{
	return TRACER_GET(ctx, ctx->sk_buff, len) == DEMO_VETO_LEN ? TRACER_VETO : TRACER_NOTHING;
}
""",
    "demo.bpf.c",
)
OK, NOTHING, VETO = 0, 1, 2
IP_AND_ICMP = 28  # bytes of headers of a ping, without its data


def declaration(verdict: int, veto_len: int = 0) -> Declaration:
    source = BpfSource(SOURCE.text, SOURCE.origin, (("DEMO_VERDICT", verdict), ("DEMO_VETO_LEN", veto_len)))
    skb = ("struct sk_buff *",)
    fragments = (
        Fragment("demo_collect", source, needs=("struct net_device *",), emits=(Demo,)),
        Fragment("demo_twice", source, needs=skb),
        Fragment("demo_judge", source, needs=skb, emits=(Room,)),
    )
    getter = Getter("demo_device", source, gives="struct net_device *", needs=skb)
    spec = CollectorSpec("demo", "A test.", sections=(Demo, Room))
    return Declaration(Owner("demo"), spec, None, fragments=fragments, getters=(getter,))


class Run:
    """A backend with its programs attached, switched off."""

    def __init__(self, backend: BccBackend, declared: Declaration, two: TwoNamespaces, *, typed: bool) -> None:
        kernel = LiveKernel()
        self._backend = backend
        made = plan([declared], Request((RECEIVE,), (two.b.inode,), Fixed(typed=typed)), kernel)
        backend.compile(made, compose(made, kernel, running_machine()))
        backend.load()
        backend.attach()
        self._decoder = ColumnDecoder(made, (declared,))

    def events(self) -> list[Event]:
        return events_of(self._decoder.decode(self._backend.read()))


def pings(events: list[Event]) -> list[Demo]:
    found = [event.get(Demo) for event in events]
    return [demo for demo in found if demo is not None and demo.len >= IP_AND_ICMP + 100]


def ping(two: TwoNamespaces, size: int) -> None:
    two.run(two.a, ["ping", "-c", "1", "-s", str(size), two.b.ipv4])


@pytest.mark.parametrize("typed", [True, False], ids=["plain loads", "probe reads"])
def test_a_getter_finds_the_device_and_the_section_is_added_once(two_netns: TwoNamespaces, typed: bool) -> None:
    two = two_netns
    ifindex = int(two.run(two.b, ["cat", f"/sys/class/net/{two.b.device}/ifindex"]).stdout)
    with BccBackend(running_machine()) as backend:
        run = Run(backend, declaration(OK), two, typed=typed)
        backend.enable()
        ping(two, 200)
        assert pings(run.events()) == [Demo(ifindex, IP_AND_ICMP + 200)]


def test_programs_say_nothing_before_they_are_enabled_nor_after(two_netns: TwoNamespaces) -> None:
    two = two_netns
    with BccBackend(running_machine()) as backend:
        run = Run(backend, declaration(OK), two, typed=True)
        ping(two, 101)
        assert run.events() == []
        backend.enable()
        ping(two, 102)
        backend.disable()
        ping(two, 103)
        assert [demo.len - IP_AND_ICMP for demo in pings(run.events())] == [102]


@pytest.mark.extra
def test_nothing_worth_reporting_is_no_event(two_netns: TwoNamespaces) -> None:
    with BccBackend(running_machine()) as backend:
        run = Run(backend, declaration(NOTHING), two_netns, typed=True)
        backend.enable()
        ping(two_netns, 200)
        assert run.events() == []
        assert backend.losses().total == 0


@pytest.mark.extra
def test_a_veto_drops_just_the_event_it_is_about(two_netns: TwoNamespaces) -> None:
    two = two_netns
    with BccBackend(running_machine()) as backend:
        run = Run(backend, declaration(OK, veto_len=IP_AND_ICMP + 150), two, typed=True)
        backend.enable()
        for size in (140, 150, 160):
            ping(two, size)
        assert [demo.len - IP_AND_ICMP for demo in pings(run.events())] == [140, 160]


def test_detached_programs_leave_nothing_behind(two_netns: TwoNamespaces) -> None:
    with BccBackend(running_machine()) as backend:
        run = Run(backend, declaration(OK), two_netns, typed=True)
        backend.enable()
        backend.detach()
        ping(two_netns, 200)
        assert run.events() == []
