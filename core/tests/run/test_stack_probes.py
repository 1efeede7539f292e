"""Functions in stacks become probes, each once, in the thread that attached the others."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest
from core.tests.decode.test_hidden_stacks import PLAN, batch_of, record

from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe
from tracer_core.run.stack_probes import StackProbes
from tracer_core.types import Probe

SYMBOLS = {1: "net_rx_action", 2: "ip_rcv", 3: "ip_output", 4: "netif_receive_skb"}
SPARE = {"ip_output": 1, "ip_rcv": 2}


class Backend:
    def __init__(self) -> None:
        self.attached: list[tuple[int, ...]] = []

    def extend(self, probes: Sequence[int]) -> tuple[int, ...]:
        self.attached.append(tuple(probes))
        return tuple(probes)


class Kernel:
    def __init__(self) -> None:
        self.asked: list[int] = []

    def symbol_at(self, address: int) -> tuple[str, int] | None:
        self.asked.append(address)
        name = SYMBOLS.get(address)
        return (name, 0x10) if name else None


def plan() -> Plan:
    nothing = Prototype((), "void", "", 0)
    spare = (PlannedProbe(Probe.function(name), nothing, 0, spare=True) for name in SPARE)
    return replace(PLAN, probes=(PlannedProbe(Probe.tracepoint("net:netif_receive_skb"), nothing, 0), *spare))


@pytest.fixture
def found() -> list[str]:
    return []


@pytest.fixture
def kernel() -> Kernel:
    return Kernel()


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def probes(kernel: Kernel, found: list[str]) -> StackProbes:
    return StackProbes(plan(), cast("Any", kernel), lambda: found.append("found"))


def test_functions_in_stacks_are_attached_when_asked_to_and_only_once(
    probes: StackProbes,
    backend: Backend,
    found: list[str],
) -> None:
    probes.take(batch_of([record(0, 2), record(0, 2)]))
    assert found == ["found"]
    assert not backend.attached
    probes.attach(cast("Any", backend))
    probes.take(batch_of([record(0, 4)]))
    probes.attach(cast("Any", backend))
    probes.take(batch_of([record(0, 4)]))
    probes.attach(cast("Any", backend))
    assert backend.attached == [(SPARE["ip_rcv"],), (SPARE["ip_output"],)]
    assert found == ["found", "found"]


def test_at_the_end_it_is_told_how_many_were_attached(
    probes: StackProbes, backend: Backend, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    probes.take(batch_of([record(0, 2)]))
    probes.attach(cast("Any", backend))
    probes.take(batch_of([record(0, 3)]))  # and ended before it was attached
    probes.tell()
    assert caplog.messages == ["1 probe(s) added: their functions were in stacks"]


def test_the_name_of_an_address_is_looked_up_once(probes: StackProbes, kernel: Kernel) -> None:
    for _ in range(3):
        probes.take(batch_of([record(0, 9), record(0, 5)]))
    assert sorted(kernel.asked) == list(range(1, 10))


def test_events_without_a_stack_or_with_unknown_functions_show_nothing(
    probes: StackProbes,
    backend: Backend,
    found: list[str],
) -> None:
    probes.take(batch_of([record(0, 0)]))
    probes.take(batch_of([record(0, 1)]))
    probes.attach(cast("Any", backend))
    assert not found
    assert not backend.attached


def test_frames_are_addresses_of_eight_bytes() -> None:
    assert struct.unpack_from("<Q", record(0, 1), 8 + len(record(0, 0))) == (1,)
