"""The network namespace of a packet: the compiled fragment on made-up memory, names, and the text."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.api import TextOptions
from tracer_core.kernel.live import LiveKernel
from tracer_core.testing import CollectorContract, planned, recorded_kernel, recorded_names
from tracer_ns.plugin import NetNs, netns_text, tracer_decoders, tracer_fragments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracer_core.testing import Tracer, TwoNamespaces

_SOCK, _DEV, _NETS = 1024, 4096, (6400, 7000, 7600)  # where in the memory they are
_PASSED = _DEV + 2048  # the device that is an argument
XMIT = "tp:net:net_dev_start_xmit"


class TestContract(CollectorContract):
    collector = "ns"


@pytest.fixture(scope="module", params=recorded_names())
def reported(request: pytest.FixtureRequest) -> Iterator[Callable[..., NetNs | None]]:
    """Runs the fragment at net:net_dev_start_xmit. The namespaces of device, socket and argument are told by number."""
    with planned("ns", probes=[XMIT], kernel=request.param, typed=False).tried() as tried:

        def run(*, skb: bool, dev: bool, sock: bool, argument: bool, inum: int, cookie: int) -> NetNs | None:
            tried.clear()
            for number, at in enumerate(_NETS):
                tried.fill("net", at, {"ns.inum": inum + number if inum else 0, "net_cookie": cookie})
            packet = {"dev": tried.address(_DEV) if dev else 0, "sk": tried.address(_SOCK) if sock else 0}
            tried.fill("sk_buff", 0, packet)
            tried.fill("net_device", _DEV, {"nd_net.net": tried.address(_NETS[0])})
            tried.fill("sock", _SOCK, {"__sk_common.skc_net.net": tried.address(_NETS[1])})
            tried.fill("net_device", _PASSED, {"nd_net.net": tried.address(_NETS[2])})
            events = tried.events(tried.address() if skb else 0, tried.address(_PASSED) if argument else 0)
            return events[0].get(NetNs) if events else None

        yield run


@pytest.mark.bpf
@settings(max_examples=100)
@given(
    st.lists(st.booleans(), min_size=4, max_size=4),
    st.just(0) | st.integers(1, 2**32 - 4),
    st.just(0) | st.integers(1, 2**64 - 1),
)
def test_the_device_comes_before_the_socket_and_both_before_what_is_passed(
    reported: Callable[..., NetNs | None], there: list[bool], inum: int, cookie: int
) -> None:
    skb, dev, sock, argument = there
    found = reported(skb=skb, dev=dev, sock=sock, argument=argument, inum=inum, cookie=cookie)
    sources = [skb and dev, skb and sock, argument]
    if not inum or not any(sources):
        assert found is None
        return
    assert found is not None
    assert (found.cookie, found.inum) == (cookie or None, inum + sources.index(True))


@pytest.mark.parametrize("name", recorded_names())
def test_how_a_kernel_keeps_the_cookie_is_told_by_its_types(name: str) -> None:
    kernel = recorded_kernel(name)
    (fragment,) = tracer_fragments(kernel)
    assert dict(fragment.source.defines) == {"NS_COOKIE": 1, "NS_COOKIE_ATOMIC": int(name == "5.10")}


class NamingKernel:
    """Knows the name of one namespace."""

    @staticmethod
    def netns_name(inode: int) -> str | None:
        return "red" if inode == 7 else None


def test_a_name_is_there_where_it_is_known() -> None:
    (decoder,) = tracer_decoders(NamingKernel())  # type: ignore[arg-type]
    numbers = np.array([7, 8, 7], np.uint32)
    found = decoder.decode({"cookie": np.array([1, 0, 2], np.uint64), "inum": numbers, "name": numbers})
    assert [column.tolist() for column in found.values()] == [[1, None, 2], [7, 8, 7], ["red", None, "red"]]


@pytest.mark.parametrize(
    ("netns", "text"),
    [
        (NetNs(1, 4026531840, None), "ns 0x1/4026531840"),
        (NetNs(None, 4026531840, None), "ns 4026531840"),
        (NetNs(0x8258, 4026532177, "red"), "ns 0x8258/4026532177 (red)"),
    ],
)
def test_the_text_is_that_of_retis_and_the_name(netns: NetNs, text: str) -> None:
    assert netns_text(netns, TextOptions()) == text


@pytest.mark.bpf
def test_namespaces_of_packets_are_those_that_they_are_in(tracer: Tracer, two_netns: TwoNamespaces) -> None:
    two = two_netns
    probes = ("-p", "tp:net:net_dev_start_xmit", "-p", "tp:net:netif_receive_skb")
    where = ("--netns", two.a.name, "--netns", two.b.name)
    with tracer.collect("-c", "skb,ns,dev", *probes, *where, "-f", "icmp[0] == 8", "--format", "single-line") as run:
        two.run(two.a, ["ping", "-n", "-c", "1", two.b.ipv4])
    assert run.exit_code == 0, run.report()
    sent, received = run.stdout.splitlines()
    for line, end in ((sent, two.a), (received, two.b)):
        assert f"/{end.inode} ({end.name}) if {ifindex(end.name, end.device)} ({end.device})" in line


def ifindex(netns: str, device: str) -> str:
    with os.popen(f"ip -n {netns} -o link show {device}") as answer:  # noqa: S605 - names of the test's own
        return answer.read().split(":")[0]


def test_a_namespace_without_a_name_is_called_after_a_process_in_it() -> None:
    number = Path("/proc/self/ns/net").stat().st_ino
    name = LiveKernel().netns_name(number)
    assert name is not None
    assert "/" in name or Path("/run/netns", name).stat().st_ino == number
    assert LiveKernel().netns_name(1) is None
