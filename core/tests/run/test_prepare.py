"""Who takes part in a run: of those that ``auto`` takes in, only who can be attached."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from types import ModuleType

import pytest

from tracer_core.errors import PluginError, UsageError
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
    with pytest.raises(PluginError) as raised:
        prepared(named=(collector("able"), collector("unable", Probe.function("ip_rcv"))))
    reason = "probe ip_rcv: this kernel offers neither fentry nor kprobes for it"
    assert raised.value.message == f"cannot run collector unable (test 0): {reason}"


def test_a_place_that_is_optional_is_no_reason() -> None:
    assert prepared(automatic=(collector("able", Probe.function("no_such", optional=True)),)) == ["able"]


def test_who_a_profile_wishes_for_and_cannot_run_is_told_of(caplog: pytest.LogCaptureFixture) -> None:
    able, unable, silent = (
        collector("able"),
        *(collector(name, Probe.function("ip_rcv")) for name in ("unable", "silent")),
    )
    options = {c.owner.name: NoOptions() for c in (able, unable, silent)}
    selection = Selection((), (able, unable, silent), options, frozenset({"able", "unable"}))
    request = Request((parse_probe("tp:net:netif_receive_skb"),), abilities=WITHOUT_FUNCTIONS)
    with caplog.at_level(logging.INFO):
        prepare(selection, request, recorded_kernel("6.12"))
    (message,) = caplog.messages
    assert message.startswith("Cannot run collector unable (test 0): probe ip_rcv: this kernel offers neither")


def test_probes_that_may_be_missing_are_told_of_before_anything_fails(caplog: pytest.LogCaptureFixture) -> None:
    probes = [replace(parse_probe(text), optional=True) for text in ("tp:no:such", "nosuch*", "kprobe:ip_rcv")]
    able = collector("able")
    for asked in (probes, probes[:2]):
        caplog.clear()
        with caplog.at_level(logging.INFO):
            run = partial(prepare, Selection((able,), (), {"able": NoOptions()}), Request(tuple(asked)))
            if asked is probes:
                assert str(run(recorded_kernel("6.12")).plan.probes[0].probe) == "kprobe:ip_rcv"
            else:
                with pytest.raises(UsageError, match="nothing to attach to"):
                    run(recorded_kernel("6.12"))
        assert caplog.messages == ["Tracing without probe(s) that this kernel does not have: tp:no:such, nosuch*"]


def test_if_nobody_is_left_there_is_no_run() -> None:
    with pytest.raises(PluginError, match="no collector can run here"):
        prepared(automatic=(collector("unable", Probe.function("ip_rcv")),))
