"""What is planned and composed on recorded kernels, and why some cannot."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tracer_core.compose.compose import compose
from tracer_core.compose.composition import Machine
from tracer_core.errors import PluginError
from tracer_core.kernel.base import BtfKernel
from tracer_core.plan.plan import Plan
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declare import changes, declare
from tracer_core.plugins.host import Host
from tracer_core.run.prepare import prepare
from tracer_core.run.selection import Selection
from tracer_core.testing.kernels import recorded_kernel
from tracer_core.types import ProbeKind
from tracer_nft.plugin import NftOptions

FUNCTION = "__nft_trace_packet"
LAYOUTS = {"6.1": 1, "6.12": 0, "6.18": 0}


def planned(kernel: BtfKernel, *probes: str, collectors: tuple[str, ...] = ("nft",), kprobe: bool = False) -> Plan:
    host = Host()
    options = {"nft": NftOptions(rules=True)}
    declarations = [
        declare(collector, kernel, options.get(name, collector.spec.options()))
        for name in collectors
        for collector in [host.collector(name)]
    ]
    abilities = Fixed(entries=(ProbeKind.KPROBE,)) if kprobe else Fixed()
    return plan(declarations, Request(tuple(map(parse_probe, probes)), abilities=abilities), kernel)


@pytest.mark.parametrize("kprobe", [False, True])
@pytest.mark.parametrize("name", LAYOUTS)
def test_the_function_is_probed_in_the_cheapest_way_with_the_packet_at_hand(name: str, kprobe: bool) -> None:
    made = planned(recorded_kernel(name), collectors=("nft", "skb"), kprobe=kprobe)
    [probe] = made.probes
    assert (probe.probe.kind, probe.probe.target) == (ProbeKind.KPROBE if kprobe else ProbeKind.FENTRY, FUNCTION)
    shape = made.shapes[probe.shape]
    names = [made.fragments[index].fragment.function for index in shape.fragments]
    assert names[0] == "nft_collect"  # before others do work for what it may veto
    assert "skb_collect" in names
    assert [getter.getter.function for getter in shape.getters] == ["nft_traced_skb"]


@pytest.mark.parametrize(("name", "in_info"), LAYOUTS.items())
def test_the_layout_of_the_kernel_decides_where_things_are(name: str, in_info: int) -> None:
    kernel = recorded_kernel(name)
    made = planned(kernel)
    [fragment] = made.fragments
    assert dict(fragment.fragment.source.defines)["NFT_INFO_HAS_ALL"] == in_info
    text = compose(made, kernel, Machine(cpus=2)).text
    types = {c_type for c_type, _ in made.shapes[0].args}
    assert ("struct nft_chain *" in types) == bool(in_info)
    assert ("struct nft_rule_dp *" in types) != bool(in_info)
    for struct in ("nft_traceinfo", "nft_chain", "nft_table", "nft_verdict", "nft_pktinfo"):
        assert re.search(rf"sizeof\(struct {struct}\) == \d+", text), struct
    assert ("sizeof(struct nft_rule_dp_last) ==" in text) != bool(in_info)


def test_other_functions_of_nftables_give_the_packet_to_others() -> None:
    made = planned(recorded_kernel("6.12"), "nft_do_chain", collectors=("nft", "skb"))
    at = {probe.probe.target: made.shapes[probe.shape] for probe in made.probes}
    names = [made.fragments[index].fragment.function for index in at["nft_do_chain"].fragments]
    assert "skb_collect" in names
    assert "nft_collect" not in names
    assert [getter.getter.function for getter in at["nft_do_chain"].getters] == ["nft_packet_skb"]


class Without(BtfKernel):
    """A kernel without the module."""

    modules = frozenset()

    def symbol(self, name: str) -> int | None:
        return None if name == FUNCTION else super().symbol(name)


@pytest.mark.parametrize(
    ("kernel", "reason"),
    [
        (recorded_kernel("5.10"), "the kernel has no type information of module nf_tables"),
        (Without(recorded_kernel("6.12")._source), "Kernel module 'nf_tables' is not loaded"),
    ],
)
def test_where_it_cannot_run_it_says_why(kernel: BtfKernel, reason: str) -> None:
    selection = Selection((Host().collector("nft"),), (), {"nft": NftOptions()})
    with pytest.raises(PluginError, match=reason):
        prepare(selection, Request(), kernel)


def test_changes_are_only_asked_for_if_they_are_allowed() -> None:
    selection = Selection((Host().collector("nft"),), (), {"nft": NftOptions()})
    assert prepare(selection, Request(), recorded_kernel("6.12")).changes is None


def test_the_table_is_one_of_the_run_and_is_deleted_by_its_name() -> None:
    collector, kernel = Host().collector("nft"), recorded_kernel("6.12")
    [change] = changes(collector, kernel, NftOptions(), "17")
    do, undo = (json.loads(command[-1])["nftables"] for command in (change.do, change.undo))
    assert change.do[:-1] == change.undo[:-1] == ("nft", "-j")
    assert [next(iter(step)) for step in do] == ["add", "add", "add"]
    assert "hook" not in do[1]["add"]["chain"]
    # what is not there cannot be deleted
    assert undo == [{"add": do[0]["add"]}, {"delete": do[0]["add"]}]
    assert do[0]["add"]["table"]["name"] == "tracer_17"


def test_a_run_that_may_change_things_needs_the_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    selection = Selection((Host().collector("nft"),), (), {"nft": NftOptions()})
    with pytest.raises(PluginError, match="nft binary not available"):
        prepare(selection, Request(), recorded_kernel("6.12"), run="17")
