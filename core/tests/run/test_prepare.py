"""Who takes part in a run: of those that ``auto`` takes in, only who can be attached."""

from __future__ import annotations

from types import ModuleType

import pytest

from tracer_core.errors import MachineError, PluginError
from tracer_core.hookspecs import hookimpl
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.host import Collector, Host
from tracer_core.plugins.metadata import Candidate
from tracer_core.run.prepare import prepare
from tracer_core.run.selection import Selection
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import BpfSource, CollectorSpec, Fragment, NoOptions, Probe

WITHOUT_FUNCTIONS = Fixed(entries=(), returns=())


def collector(name: str, *probes: Probe) -> Collector:
    """One with probes of its own, whose C runs wherever there is a packet."""
    source = BpfSource(f"static __always_inline int {name}_run(void *c, void *e) {{ return 0; }}", f"{name}.bpf.c")
    module = ModuleType(name)
    vars(module).update(
        tracer_collector=hookimpl(lambda: CollectorSpec(name, "A test's.")),
        tracer_probes=hookimpl(lambda: probes),
        tracer_fragments=hookimpl(lambda: [Fragment(f"{name}_run", source, needs=("struct sk_buff *",))]),
    )
    return Host(lambda: [Candidate(name, "test", "0", "", lambda: module)]).collector(name)


def prepared(*, named: tuple[Collector, ...] = (), automatic: tuple[Collector, ...] = ()) -> list[str]:
    selection = Selection(named, automatic, {c.owner.name: NoOptions() for c in (*named, *automatic)})
    request = Request((parse_probe("tp:net:netif_receive_skb"),), abilities=WITHOUT_FUNCTIONS)
    return [c.owner.name for c in prepare(selection, request, recorded_kernel("6.12")).collectors]


def test_who_cannot_be_attached_is_left_out_of_auto() -> None:
    able, unable = collector("able"), collector("unable", Probe.function("ip_rcv"))
    assert prepared(automatic=(able, unable)) == ["able"]


def test_who_was_named_and_cannot_be_attached_ends_the_run() -> None:
    with pytest.raises(MachineError, match="ip_rcv: this kernel offers neither fentry nor kprobes"):
        prepared(named=(collector("able"), collector("unable", Probe.function("ip_rcv"))))


def test_a_place_that_is_optional_is_no_reason() -> None:
    assert prepared(automatic=(collector("able", Probe.function("no_such", optional=True)),)) == ["able"]


def test_if_nobody_is_left_there_is_no_run() -> None:
    with pytest.raises(PluginError, match="no collector can run here"):
        prepared(automatic=(collector("unable", Probe.function("ip_rcv")),))
