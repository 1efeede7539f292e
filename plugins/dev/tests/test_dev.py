"""The device of a packet: the compiled fragment on made-up memory, planning on recorded kernels, and the text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer_core.api import TextOptions
from tracer_core.testing import CollectorContract, planned, recorded_names
from tracer_dev.plugin import Dev, dev_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DEV, _OTHER = 4096, 8192  # where in the memory devices are
XMIT = "tp:net:net_dev_start_xmit"


class TestContract(CollectorContract):
    collector = "dev"


@pytest.fixture(scope="module", params=recorded_names())
def reported(request: pytest.FixtureRequest) -> Iterator[Callable[..., Dev | None]]:
    """Runs the fragment at net:net_dev_start_xmit, which is given a packet and a device."""
    with planned("dev", probes=[XMIT], kernel=request.param, typed=False).tried() as tried:

        def run(*, skb: bool, dev: bool, name: bytes, ifindex: int, received: int) -> Dev | None:
            tried.clear()
            tried.fill("sk_buff", 0, {"dev": tried.address(_DEV) if dev else 0, "skb_iif": received})
            for at, shown in ((_DEV, name), (_OTHER, b"other")):
                tried.fill("net_device", at, {"name": shown, "ifindex": ifindex})
            events = tried.events(tried.address() if skb else 0, tried.address(_OTHER))
            return events[0].get(Dev) if events else None

        yield run


@pytest.mark.bpf
@settings(max_examples=100)
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


@pytest.mark.parametrize("kernel", recorded_names())
def test_it_runs_wherever_there_is_a_packet_or_a_device(kernel: str) -> None:
    probes = ("tp:net:netif_receive_skb", "tp:net:net_dev_start_xmit", "kprobe:ip_rcv")
    made = planned("dev", probes=probes, kernel=kernel).plan
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
