"""What is reported of conntrack entries: the compiled fragment on made-up memory, members with values of their own."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING, Any

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
from tracer_core.testing.trial import Trial
from tracer_ct import kernel as facts
from tracer_ct.decode import STATES, ZONE_DIRECTIONS
from tracer_ct.sections import Connection, Ct, CtOther, Gre, Icmp, Ip, Labels, Other, Ports, Protocol, Sctp, Tuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.kernel.view import Kernel
    from tracer_core.sections import Event

pytestmark = pytest.mark.bpf

_CT, _MASTER, _EXTENSION = 2048, 4096, 6144  # where in the memory they are; an extension for each entry
_LABELS_AT = 64  # where in an extension labels begin
_WITH_PORTS = (socket.IPPROTO_TCP, socket.IPPROTO_UDP)


@dataclass(frozen=True)
class Side:
    """A tuple as the kernel has it: whole addresses, and what is above them in host order."""

    src: bytes = bytes(16)
    dst: bytes = bytes(16)
    source: int = 0
    target: int = 0


@dataclass(frozen=True)
class Entry:
    """A ``struct nf_conn``."""

    family: int = socket.AF_INET
    protocol: int = socket.IPPROTO_TCP
    orig: Side = field(default_factory=Side)
    reply: Side = field(default_factory=Side)
    status: int = 0
    mark: int = 0
    zone: tuple[int, int] = (0, 3)
    state: int = 0
    vtags: tuple[int, int] = (0, 0)
    labels: tuple[int, int] | None = None

    @property
    def is_ip(self) -> bool:
        return self.family in (socket.AF_INET, socket.AF_INET6)

    @property
    def is_known(self) -> bool:
        icmp = socket.IPPROTO_ICMP if self.family == socket.AF_INET else socket.IPPROTO_ICMPV6
        return self.protocol in (*_WITH_PORTS, socket.IPPROTO_SCTP, icmp)


class Writer:
    """Puts entries where the fragment finds them.

    Args:
        kernel: Whose layouts they have.
        trial: Whose memory it is.
    """

    def __init__(self, kernel: Kernel, trial: Trial) -> None:
        self._kernel = kernel
        self._trial = trial

    def put(self, aggregate: str, at: int, path: str, value: int, *, order: Any = "little", more: int = 0) -> None:  # noqa: ANN401
        place = self._kernel.member(aggregate, path)
        assert place is not None, path
        start = at + place.bit_offset // 8 + more
        self._trial.memory[start : start + place.size] = value.to_bytes(place.size, order)

    def entry(self, entry: Entry, at: int, master: int = 0) -> None:
        both = self._kernel.member("nf_conn", "tuplehash")
        assert both is not None
        for number, side in enumerate((entry.orig, entry.reply)):
            self._tuple(entry, side, at + both.bit_offset // 8 + number * both.size // 2)
        self.put("nf_conn", at, "status", entry.status)
        self.put("nf_conn", at, "mark", entry.mark)
        self.put("nf_conn", at, "zone.id", entry.zone[0])
        self.put("nf_conn", at, "zone.dir", entry.zone[1])
        self.put("nf_conn", at, "master", master)
        if entry.protocol == socket.IPPROTO_TCP:
            self.put("nf_conn", at, "proto.tcp.state", entry.state)
        elif entry.protocol == socket.IPPROTO_SCTP:
            self.put("nf_conn", at, "proto.sctp.state", entry.state)
            tags = b"".join(tag.to_bytes(4, "big") for tag in entry.vtags)
            self.put("nf_conn", at, "proto.sctp.vtag", int.from_bytes(tags, "little"))
        if entry.labels is not None:
            self._labels(entry.labels, at)

    def _tuple(self, entry: Entry, side: Side, at: int) -> None:
        def put(path: str, value: int, order: Any = "little") -> None:  # noqa: ANN401
            self.put("nf_conntrack_tuple_hash", at, f"tuple.{path}", value, order=order)

        put("src.u3", int.from_bytes(side.src, "little"))
        put("dst.u3", int.from_bytes(side.dst, "little"))
        put("src.u.all", side.source, "big")
        put("dst.u.all", side.target, "big")
        put("src.l3num", entry.family)
        put("dst.protonum", entry.protocol)

    def _labels(self, labels: tuple[int, int], at: int) -> None:
        extension = _EXTENSION + (512 if at == _MASTER else 0)
        self.put("nf_conn", at, "ext", self._trial.address + extension)
        number = (self._kernel.enum("nf_ct_ext_id") or {})["NF_CT_EXT_LABELS"]
        offsets = self._kernel.member("nf_ct_ext", "offset")
        assert offsets is not None
        width = offsets.size // (self._kernel.enum("nf_ct_ext_id") or {})["NF_CT_EXT_NUM"]
        start = extension + offsets.bit_offset // 8 + number * width
        self._trial.memory[start : start + width] = _LABELS_AT.to_bytes(width, "little")
        high, low = labels
        begin = extension + _LABELS_AT
        self._trial.memory[begin : begin + 16] = low.to_bytes(8, "little") + high.to_bytes(8, "little")


Reporter = Callable[..., "Event | None"]


@pytest.fixture(scope="module")
def reported() -> Iterator[Reporter]:
    kernel = LiveKernel()
    declarations = (declare(Host().collector("ct"), kernel, None),)
    request = Request((parse_probe("tp:net:netif_receive_skb"),), abilities=Fixed(typed=False))
    made = plan(declarations, request, kernel)
    with Trial(made, compose(made, kernel, running_machine())) as trial:
        writer = Writer(kernel, trial)

        def run(
            info: int, entry: Entry | None = None, master: Entry | None = None, *, pointer: int | None = None
        ) -> Event | None:
            trial.memory[:] = bytes(len(trial.memory))
            if entry is not None:
                writer.entry(entry, _CT, trial.address + _MASTER if master is not None else 0)
                pointer = trial.address + _CT
            if master is not None:
                writer.entry(master, _MASTER)
            writer.put("sk_buff", 0, "_nfct", (pointer or 0) | info)
            found = trial.events(declarations, trial.address)
            return found[0] if found else None

        yield run


def expected_side(entry: Entry, side: Side, vtag: int) -> Tuple:
    if entry.family == socket.AF_INET:
        ip = Ip(str(IPv4Address(side.src[:4])), str(IPv4Address(side.dst[:4])), "v4")
    else:
        ip = Ip(ipv6(side.src), ipv6(side.dst), "v6")
    source, target = side.source, side.target
    match entry.protocol:
        case socket.IPPROTO_TCP:
            proto = Protocol(tcp=Ports(source, target))
        case socket.IPPROTO_UDP:
            proto = Protocol(udp=Ports(source, target))
        case socket.IPPROTO_ICMP | socket.IPPROTO_ICMPV6:
            proto = Protocol(icmp=Icmp(target & 0xFF, target >> 8, source))
        case socket.IPPROTO_SCTP:
            proto = Protocol(sctp=Sctp(source, target, vtag))
        case socket.IPPROTO_GRE:
            proto = Protocol(gre=Gre(source, target))
        case number:
            proto = Protocol(other=Other(number, source, target))
    return Tuple(ip, proto)


def ipv6(address: bytes) -> str:
    found = IPv6Address(address)
    return f"::ffff:{found.ipv4_mapped}" if found.ipv4_mapped else str(found)


def expected(entry: Entry) -> Connection:
    enum = {socket.IPPROTO_TCP: "tcp_conntrack", socket.IPPROTO_SCTP: "sctp_conntrack"}.get(entry.protocol)
    state = None
    if enum is not None:
        state = facts.names(LiveKernel(), enum).get(entry.state, str(entry.state))
    labels = Labels(*entry.labels) if entry.labels and any(entry.labels) else None
    return Connection(
        zone_id=entry.zone[0],
        zone_dir=ZONE_DIRECTIONS[entry.zone[1]],
        orig=expected_side(entry, entry.orig, entry.vtags[0]),
        reply=expected_side(entry, entry.reply, entry.vtags[1]),
        proto_state=state,
        mark=entry.mark,
        labels=labels,
        ct_status=entry.status,
    )


def number(bits: int) -> st.SearchStrategy[int]:
    return st.sampled_from([0, 1, (1 << bits) - 1]) | st.integers(0, (1 << bits) - 1)


addresses = st.sampled_from(
    [bytes(16), bytes(10) + b"\xff\xff\1\2\3\0", b"\xfe\x80" + bytes(13) + b"\1", b"\1" + bytes(15), b"\xff" * 16]
) | st.binary(min_size=16, max_size=16)
sides = st.builds(Side, addresses, addresses, number(16), number(16))
PROTOCOLS = (6, 17, 1, 58, 132, 47, 50, 33, 136, 255, 0)
entries = st.builds(
    Entry,
    family=st.sampled_from([socket.AF_INET, socket.AF_INET6]),
    protocol=st.sampled_from(PROTOCOLS),
    orig=sides,
    reply=sides,
    status=number(64),
    mark=number(32),
    zone=st.tuples(number(16), st.integers(0, 3)),
    state=st.integers(0, 9) | st.just(200),
    vtags=st.tuples(number(32), number(32)),
    labels=st.none() | st.tuples(number(64), number(64)),
)
infos = st.sampled_from(sorted(STATES))


@settings(max_examples=1000)
@given(infos, entries, st.none() | entries)
@example(0, Entry(protocol=socket.IPPROTO_GRE), Entry())
@example(2, Entry(), Entry(protocol=socket.IPPROTO_GRE))
def test_every_member_is_reported_as_it_is(reported: Reporter, info: int, entry: Entry, master: Entry | None) -> None:
    event = reported(info, entry, master)
    assert event is not None
    ct, other = event.get(Ct), event.get(CtOther)
    if entry.is_known:
        assert other is None
        parent = expected(master) if master is not None and master.is_known else None
        assert ct == Ct(STATES[info], *expected(entry), parent)
    else:
        assert ct is None
        assert other == CtOther(STATES[info], expected(entry), expected(master) if master is not None else None)


def test_a_packet_that_rules_took_out_of_tracking_says_so(reported: Reporter) -> None:
    event = reported(7)
    assert event is not None
    assert event.get(CtOther) == CtOther("untracked", None, None)
    assert event.get(Ct) is None


@pytest.mark.parametrize("info", [0, 2, 5, 6])
def test_a_packet_that_was_never_tracked_says_nothing(reported: Reporter, info: int) -> None:
    assert reported(info) is None


@pytest.mark.parametrize("info", [5, 6])
def test_a_state_that_the_kernel_does_not_use_gives_no_event(reported: Reporter, info: int) -> None:
    assert reported(info, Entry()) is None


def test_a_template_gives_no_event(reported: Reporter) -> None:
    assert reported(2, Entry(family=0, protocol=0)) is None


def test_a_parent_that_is_none_is_left_out(reported: Reporter) -> None:
    for entry in (Entry(), Entry(protocol=socket.IPPROTO_GRE)):
        event = reported(1, entry, replace(entry, family=socket.AF_UNIX))
        assert event is not None
        found = event.get(Ct) or event.get(CtOther)
        assert found is not None
        assert found.parent is None


def test_an_entry_that_cannot_be_read_gives_no_event(reported: Reporter) -> None:
    assert reported(0, pointer=0x1000) is None
