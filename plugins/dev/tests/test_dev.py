"""The device of a packet: the compiled fragment on made-up memory, planning on recorded kernels, and the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.testing.kernels import recorded_kernel, recorded_names
from tracer_core.testing.trial import Trial
from tracer_core.types import NoOptions, TextOptions
from tracer_dev.plugin import Dev, dev_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEV, _OTHER = 4096, 8192  # where in the memory devices are


@pytest.fixture(scope="module")
def reported() -> Iterator[Callable[..., Dev | None]]:
    """Runs the fragment at net:net_dev_start_xmit, which is given a packet and a device."""
    kernel = LiveKernel()
    declarations = (declare(Host().collector("dev"), kernel, NoOptions()),)
    request = Request((parse_probe("tp:net:net_dev_start_xmit"),), abilities=Fixed(typed=False))
    made = plan(declarations, request, kernel)
    with Trial(made, compose(made, kernel, running_machine())) as trial:

        def put(aggregate: str, path: str, at: int, value: bytes) -> None:
            member = kernel.member(aggregate, path)
            assert member is not None
            first = at + member.bit_offset // 8
            trial.memory[first : first + len(value)] = value

        def run(*, skb: bool, dev: bool, name: bytes, ifindex: int, received: int) -> Dev | None:
            trial.memory[:] = bytes(len(trial.memory))
            put("sk_buff", "dev", 0, (trial.address + _DEV if dev else 0).to_bytes(8, "little"))
            put("sk_buff", "skb_iif", 0, received.to_bytes(4, "little"))
            for at, shown in ((_DEV, name), (_OTHER, b"other")):
                put("net_device", "name", at, shown)
                put("net_device", "ifindex", at, ifindex.to_bytes(4, "little"))
            events = trial.events(declarations, trial.address if skb else 0, trial.address + _OTHER)
            return events[0].get(Dev) if events else None

        yield run


@pytest.mark.bpf
@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.tuples(st.booleans(), st.booleans()),
    st.binary(max_size=16).map(lambda name: name.split(b"\0")[0]),
    st.integers(0, 2**31 - 1),
    st.integers(0, 2**31 - 1),
)
@example((True, True), b"eth0", 2, 0)
@example((True, True), b"fifteen-letters", 2, 3)
@example((True, True), b"sixteen-letters!", 2, 3)
@example((False, True), b"eth0", 0, 3)
def test_a_device_is_reported_if_it_can_be_one(
    reported: Callable[..., Dev | None], there: tuple[bool, bool], name: bytes, ifindex: int, received: int
) -> None:
    skb, dev = there
    found = reported(skb=skb, dev=dev, name=name, ifindex=ifindex, received=received)
    if not ifindex or (skb and (not dev or not 0 < len(name) < 16)):
        assert found is None
    elif skb:
        assert found == Dev(name, ifindex, received or None)
    else:
        assert found == Dev(b"other", ifindex, None)


@pytest.mark.parametrize("name", recorded_names())
def test_it_runs_wherever_there_is_a_packet_or_a_device(name: str) -> None:
    kernel = recorded_kernel(name)
    declaration = declare(Host().collector("dev"), kernel, NoOptions())
    probes = ("tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit", "kprobe:ip_rcv")
    made = plan([declaration], Request(tuple(map(parse_probe, probes))), kernel)
    assert all(made.shapes[probe.shape].fragments for probe in made.probes)
    assert not made.skipped


@pytest.mark.parametrize(
    ("dev", "text"),
    [
        (Dev(b"eth0", 2, None), "if 2 (eth0)"),
        (Dev(b"br_int", 487, 12), "if 487 (br_int) rxif 12"),
        (Dev(b"", 3, None), "if 3"),
        (Dev(b"\xff", 3, 1), "if 3 (\ufffd) rxif 1"),
    ],
)
def test_the_text_is_that_of_retis(dev: Dev, text: str) -> None:
    assert dev_text(dev, TextOptions()) == text
