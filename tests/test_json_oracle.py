"""Files of JSON lines as we write them, read by the PyPI ``retis`` library."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import retis
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.display.text import TextFormat
from tracer_core.events.about import About
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.own import stack_text
from tracer_core.plugins.declaration import Owner
from tracer_core.plugins.declare import formatters
from tracer_core.plugins.host import Host
from tracer_core.sections import Event, Header, Packet, ProbeInfo, Return, Stack
from tracer_core.testing.events import text_of, written_json
from tracer_core.types import Formatter, Place, ProbeKind, TextOptions
from tracer_core.wire import U64, section
from tracer_skb_tracking.plugin import SkbTracking


@section("third-party")
class ThirdParty(NamedTuple):
    value: U64


KINDS = [kind for kind in ProbeKind if kind not in {ProbeKind.FUNCTION, ProbeKind.RETURN}]
SAME_PLACE = {ProbeKind.FENTRY: ProbeKind.KPROBE, ProbeKind.FEXIT: ProbeKind.KRETPROBE}
ABOUT = About("tracer 0.1.0", "tracer collect -o x", 17, 10**18 + 5, "6.1", "#1 SMP", "x86_64")
NOT_THEIRS = {"return", "third-party"}
FRAME = bytes.fromhex(
    "0242c0000202 0242c0000201 0800"  # Ethernet
    "4500001c0001 4000 4001 f6df c0000201 c0000202"  # IPv4, DF
    "0800f7ff00000000"  # ICMP
)


def info(kind: ProbeKind) -> ProbeInfo:
    if kind.in_process:
        return ProbeInfo("provider:name", kind.value, kind.label, "/usr/sbin/ovs-vswitchd")
    return ProbeInfo("net:netif_receive_skb", kind.value, kind.label)


def as_they_see_it(event: Event) -> Event:
    """The event without what their format has no place for."""
    kind = ProbeKind(event.probe.kind)
    sections = {name: value for name, value in event.sections.items() if name not in NOT_THEIRS}
    if kind.in_process:
        sections.pop("stack", None)
    return Event(event.header, info(SAME_PLACE.get(kind, kind)), sections)


@st.composite
def events(draw: st.DrawFn) -> Event:
    tasks = st.integers(0, 2**22)
    pid = draw(tasks)
    header = Header(
        timestamp=draw(st.integers(0, 2**64 - 1)),
        present=0,
        lost=draw(st.sampled_from([0, 0, 3, 2**64 - 1])),
        pid=pid,
        tgid=draw(st.just(pid) | tasks),
        cpu=draw(st.integers(0, 4096)),
        probe=0,
        # of others, what cannot be printed is escaped here, and not there
        comm=draw(st.binary(max_size=15).filter(lambda name: name.decode(errors="replace").isprintable())),
    )
    names = st.lists(st.sampled_from(["a+0x1", "b.isra.0+0xff [m]", "0xffffffff81000000"]), min_size=1, max_size=4)
    found = st.fixed_dictionaries(
        {},
        optional={
            "stack": names.map(lambda frames: Stack(8 * len(frames), tuple(frames))),
            "packet": st.integers(0, len(FRAME)).map(lambda size: Packet(len(FRAME), size, FRAME[:size])),
            "skb-tracking": st.builds(SkbTracking, *[st.integers(0, 2**64 - 1)] * 3),
            "return": st.just(Return(1, 2, -3, 1)),
            "third-party": st.builds(ThirdParty, st.integers(0, 2**64 - 1)),
        },
    )
    return Event(header, info(draw(st.sampled_from(KINDS))), draw(found))


def written(path: Path, found: list[Event]) -> Path:
    return written_json(path, found, ABOUT, {"lost": 3})


def texts() -> TextFormat:
    collectors = [Host().collector(name) for name in ("skb", "skb_tracking")]
    mine = [(collector.owner, formatter) for collector in collectors for formatter in formatters(collector)]
    return TextFormat([*mine, (Owner("core"), Formatter(Stack, stack_text, Place.TOP))], TextOptions())


@settings(max_examples=40)
@given(found=st.lists(events(), min_size=1, max_size=20))
def test_their_text_of_our_files_is_our_text(tmp_path_factory: pytest.TempPathFactory, found: list[Event]) -> None:
    path = written(tmp_path_factory.mktemp("oracle") / "events.json", found)
    text = texts()
    _, *theirs, end = map(str, retis.EventReader(str(path)))
    ours = [text_of(text, as_they_see_it(event)) for event in found]
    assert [line.replace("use 'retis pcap'", "use 'tracer pcap'") + "\n\n" for line in theirs] == ours
    assert end == str(found[-1].header.timestamp)


@settings(max_examples=40)
@given(found=events())
def test_their_attributes_are_our_values(tmp_path_factory: pytest.TempPathFactory, found: Event) -> None:
    path = written(tmp_path_factory.mktemp("oracle") / "events.json", [found])
    _, theirs, _ = retis.EventReader(str(path))
    seen, header = as_they_see_it(found), found.header
    task = {"pid": header.pid, "tgid": header.tgid, "comm": (header.comm or b"").decode(errors="replace")}
    expected: dict[str, Any] = {"common": {"timestamp": header.timestamp, "smp_id": header.cpu, "task": task}}
    where: dict[str, Any] = {"symbol": seen.probe.symbol, "probe_type": seen.probe.kind}
    if seen.probe.path:
        expected["userspace"] = where | {"path": seen.probe.path, "ip": 0, "pid": header.pid, "tid": header.tgid}
    else:
        stack = seen.get(Stack)
        expected["kernel"] = where | ({"stack_trace": list(stack.frames)} if stack else {})
    if tracking := seen.get(SkbTracking):
        expected["skb-tracking"] = tracking._asdict()
    got = theirs.to_dict()
    packet = seen.get(Packet)
    if packet:
        assert bytes(theirs.packet.data) == packet.data
        assert (theirs.packet.len, theirs.packet.capture_len) == (packet.len, packet.capture_len)
    got.pop("packet", None)
    assert got == expected
    assert ("packet" in theirs) == (packet is not None)


def test_they_see_the_run_in_the_first_line(tmp_path: Path) -> None:
    first = next(iter(retis.EventReader(str(written(tmp_path / "events.json", [])))))
    assert str(first) == (
        "17\n  collected with Retis v1.7.0+tracer.0.1.0\n  on machine 6.1 #1 SMP x86_64\n  cmdline tracer collect -o x"
    )
    assert first.startup.clock_monotonic_offset.sec == 10**9
    assert first.startup.clock_monotonic_offset.nsec == 5


def test_packets_of_scapy_come_out_of_their_reader_as_they_were(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its dependencies, at import
        from scapy.layers.inet import ICMP, IP, TCP, UDP
        from scapy.layers.inet6 import IPv6
        from scapy.layers.l2 import ARP, Dot1Q, Ether
        from scapy.packet import Raw

    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    stacks = [
        link / IP(dst="192.0.2.2") / TCP(flags="S", options=[("MSS", 1460), ("WScale", 7)]),
        link / IPv6(dst="2001:db8::2") / UDP(dport=53) / Raw(bytes(range(100))),
        link / Dot1Q(vlan=10) / IP(dst="192.0.2.2") / ICMP(),
        link / ARP(psrc="192.0.2.1", pdst="192.0.2.2"),
    ]
    frames = [bytes(stack) for stack in stacks]
    found = [
        Event(Header(1, 0, 0, 1, 1, 0, 0, b"x"), info(ProbeKind.KPROBE), {"packet": Packet(len(frame), size, captured)})
        for frame in frames
        for size in (len(frame), 40)
        for captured in [frame[:size]]
    ]
    path = written(tmp_path / "events.json", found)
    _, *theirs, _ = retis.EventReader(str(path))
    text = texts()
    assert [bytes(event.packet.data) for event in theirs] == [event.sections["packet"][2] for event in found]
    assert [f"{event}\n\n" for event in theirs] == [text_of(text, event) for event in found]
    with JsonLinesReader(path, [Packet]) as reader:
        assert list(reader) == found


COMMON = '"common":{"timestamp":1,"task":{"pid":1,"tgid":1,"comm":"x"}}'
USER = '"ip":0,"path":"/x","pid":1,"tid":1}'


@pytest.mark.parametrize(
    ("rest", "head"),
    [
        ('"third-party":{"a":18446744073709551616,"b":[null]},"return":{}', "1 [x] 1"),
        ('"kernel":{"symbol":"a","probe_type":"kprobe","more":{}},"packet":null', "1 [x] 1 [k] a"),
        ('"kernel":{"symbol":"a","probe_type":"fentry"}', "1 [x] 1 [invalid] a"),
        ('"userspace":{"symbol":"a","probe_type":"fentry",' + USER, "1 [x] 1 [u] a (x)"),
    ],
)
def test_they_ignore_what_they_do_not_know(tmp_path: Path, rest: str, head: str) -> None:
    path = written(tmp_path / "events.json", [])
    with path.open("a") as file:
        file.write(f"{{{COMMON},{rest}}}\n")
    *_, last = retis.EventReader(str(path))
    assert str(last) == head


@pytest.mark.parametrize(
    "line",
    [
        f'{{{COMMON},"dev":{{"a":1}}}}\n',
        f'{{{COMMON},"packet":{{"len":"1","capture_len":0,"data":""}}}}\n',
        f'{{{COMMON},"userspace":{{"symbol":"a","probe_type":"usdt","path":"/x","pid":1,"tid":1}}}}\n',
        f"{{{COMMON.replace('1,', '2147483648,')}}}\n",
        f"{{{COMMON.replace('x', chr(92) + 'udcff')}}}\n",
        f"{{{COMMON},{COMMON}}}\n",
        f"{{{COMMON}",
        "\n",
    ],
)
def test_they_stop_at_lines_that_we_must_not_write(tmp_path: Path, line: str) -> None:
    found = [Event(Header(1, 0, 0, 1, 1, 0, 0, b"x"), info(ProbeKind.KPROBE))]
    path = written(tmp_path / "events.json", found)
    with path.open("a") as file:
        file.write(line)
    seen: list[retis.Event] = []
    with pytest.raises(RuntimeError):
        seen.extend(retis.EventReader(str(path)))
    assert len(seen) == 3
