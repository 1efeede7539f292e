"""Collectors to plan with, and what is planned of them."""

from __future__ import annotations

from typing import NamedTuple

from tracer_core.plan.plan import Plan
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.types import BpfSource, CollectorSpec, Fragment, Getter, Probe
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
