"""What users get: which packets an expression is about, several expressions at once, and errors that say what to do."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from core.tests.filters.expressions import collected, expressions
from core.tests.filters.oracles import KernelFilter, Native, Packets, Sample
from core.tests.filters.samples import samples

from tracer_core.errors import MachineError, UsageError
from tracer_core.filters import pcap
from tracer_core.filters.classic import Class, Mode
from tracer_core.filters.packet import DATAGRAM, FRAME, MAX_INSTRUCTIONS, packet_filter
from tracer_core.filters.pcap import LinkType, compile_expression
from tracer_core.filters.validate import NEGATIVE

Verdicts = Callable[..., list[bool]]

MACS = bytes.fromhex("020000000001020000000002")
ICMP = MACS + bytes.fromhex("0800 4500 001c 0000 4000 4001 0000 c0000201 c0000202 0800 0000 0001 0001")
TAGGED = MACS + bytes.fromhex("8100 0005") + ICMP[12:]
TWICE = MACS + bytes.fromhex("88a8 0064") + TAGGED[12:]
ARP = MACS + bytes.fromhex("0806 0001 0800 0604 0001") + bytes(20)
LABELLED = MACS + bytes.fromhex("8847 0006 4140") + ICMP[14:]
TAG = 0x8100_0005


def frame(data: bytes, tag: int = 0) -> Sample:
    return Sample(data, len(data), tag)


@pytest.fixture
def verdicts(tmp_path: Path) -> Verdicts:
    """Whether each packet matches all expressions, by the function for frames."""

    def run(texts: Sequence[str], packets: Sequence[Sample], name: str = FRAME) -> list[bool]:
        native = Native(tmp_path, [packet_filter(texts).text()], [name])
        return [bool(verdict) for verdict in native.verdicts(0, Packets(packets))]

    return run


FRAMES = [frame(ICMP), frame(TAGGED), frame(ICMP, TAG), frame(TAGGED, 0x88A8_0064), frame(TWICE), frame(ARP)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("icmp", [1, 0, 1, 0, 0, 0]),  # without the word, a tag beside the data is not there
        ("vlan", [0, 1, 1, 1, 1, 0]),
        ("vlan and icmp", [0, 1, 1, 0, 0, 0]),
        ("vlan 5", [0, 1, 1, 0, 0, 0]),
        ("vlan 100", [0, 0, 0, 1, 1, 0]),
        ("vlan 100 and vlan 5 and icmp", [0, 0, 0, 1, 1, 0]),
        ("not vlan", [1, 0, 0, 0, 0, 1]),
        ("icmp or (vlan and icmp)", [1, 1, 1, 0, 0, 0]),
        ("vlan and len = 46", [0, 1, 1, 0, 0, 0]),
        ("vlan and ether[ether[18] & 0xf + 7:4] = 0x01810000", [0, 0, 0, 0, 0, 0]),
        ("ether[12:2] = 0x8100", [0, 1, 0, 1, 0, 0]),
        ("ether[12:2] = 0x8100 or vlan 77", [0, 1, 1, 0, 0, 0]),
        ("arp", [0, 0, 0, 0, 0, 1]),
        ("", [1, 1, 1, 1, 1, 1]),
    ],
)
def test_frames_with_tags(verdicts: Verdicts, text: str, expected: list[int]) -> None:
    assert verdicts([text], FRAMES) == [bool(each) for each in expected]


@pytest.mark.parametrize(
    ("text", "tagged"),
    [
        ("vlan", True),
        ("(vlan 5&&icmp)", True),
        ("not vlan", True),
        ("!vlan", True),
        ("icmp", False),
        ("ether proto 0x8100", False),
        ("icmp6 or ip[6]&0x20!=0", False),
    ],
)
def test_which_expressions_see_tags(text: str, tagged: bool) -> None:
    assert packet_filter([text]).expressions[0].tagged is tagged
    assert packet_filter(["icmp", text]).tagged is tagged


def test_a_name_is_not_the_word_vlan() -> None:
    from tracer_core.filters.packet import _VLAN

    for text in ("host my-vlan", "host vlan.example.org", "host vlan-5", "host a.vlan", r"host \vlan", "host vlans"):
        assert not _VLAN.search(text)


@pytest.mark.parametrize(
    ("texts", "joined", "packet"),
    [
        # after "vlan", a text means what is behind the tag; by itself, it means what is where a tag would be
        (["vlan", "ip"], "(vlan) and (ip)", frame(TAGGED)),
        (["vlan 100", "vlan 5"], "(vlan 100) and (vlan 5)", frame(TWICE)),
        (["mpls", "ip"], "(mpls) and (ip)", frame(LABELLED)),
        (["mpls", "mpls"], "(mpls) and (mpls)", frame(LABELLED)),
    ],
)
def test_joining_expressions_to_one_text_would_mean_something_else(
    verdicts: Verdicts, texts: list[str], joined: str, packet: Sample
) -> None:
    each = [verdicts([text], [packet]) for text in texts]
    assert verdicts(texts, [packet]) == [each[0][0] and each[1][0]]
    assert verdicts([joined], [packet]) != verdicts(texts, [packet])


def test_several_expressions_are_a_conjunction(verdicts: Verdicts, tmp_path: Path) -> None:
    packets = samples(3, rounds=3)
    texts = ["ip", "not tcp", "vlan or len > 60", "not vlan 5 or udp", "ip[ip[0] & 15] < 200"]
    each = [verdicts([text], packets) for text in texts]
    assert verdicts(texts, packets) == [all(column) for column in zip(*each, strict=True)]
    assert 5 < sum(verdicts(texts, packets)) < len(packets) // 2
    assert verdicts([], packets) == [True] * len(packets)


def test_one_that_never_matches_ends_it(verdicts: Verdicts) -> None:
    assert verdicts(["len < 0 or len = 0xffffffff", "icmp"], FRAMES) == [False] * len(FRAMES)


def test_datagrams_match_what_libpcap_takes_for_raw_ip(verdicts: Verdicts) -> None:
    datagram = [frame(ICMP[14:])]
    assert verdicts(["icmp"], datagram, DATAGRAM) == [True]
    assert verdicts(["icmp", "host 192.0.2.1"], datagram, DATAGRAM) == [True]
    assert verdicts(["arp or icmp"], datagram, DATAGRAM) == [True]
    assert verdicts(["len = 28"], datagram, DATAGRAM) == [True]
    assert packet_filter(["icmp", "arp or icmp"]).no_datagrams == ()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("icmp or ether[0] = 2", "it has ether["),
        ("ether host 02:00:00:00:00:01", "ethernet addresses"),
        ("ether broadcast", "not a broadcast link"),
        ("vlan and icmp", "no VLAN support"),
        ("arp", "rejects all packets"),
    ],
)
def test_datagrams_never_match_what_is_about_the_link_layer(verdicts: Verdicts, text: str, reason: str) -> None:
    made = packet_filter(["icmp", text])
    (skipped,) = made.no_datagrams
    assert skipped[0] == text
    assert reason.lower() in skipped[1].lower()
    assert verdicts(["icmp", text], [frame(ICMP[14:])], DATAGRAM) == [False]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("icmp and (", "syntax error"),
        ("frobnicate", "'frobnicate'"),
        ("a) or (b", "syntax error"),
        ("port http-who-knows", "http-who-knows"),
        ("ip[0] << 32 = 1", "shift by more than 31 bits"),
        ("ip[0] / 0 = 1", "division by zero"),
        ("icmp\0", "NUL"),
        ("icmp \udcff", "packet filter"),
        ("icmp \ud800", "half a character"),
        ("ether[0xfffff000:2] = 8", "offset 0xfffff000"),
        ("inbound", "no direction"),
        ("outbound and icmp", "no direction"),
        ("ifname eth0", "ifname"),
        ("ip6 protochain 6", "protochain"),
        ("(geneve or udp) and udp", "scratch word"),
        ("(" * 20000, "packet filter"),
        ("vlan and " * 20000 + "ip", "packet filter"),  # of which libpcap 1.10 crashes
    ],
)
def test_what_is_refused_and_why(text: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        packet_filter(["icmp", text])
    message = str(caught.value)
    assert words in message
    assert message.startswith("packet filter ")
    assert caught.value.hint
    assert message.isprintable()
    assert len(message) < 700


def test_a_filter_that_libpcap_takes_too_long_for_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcap, "_PATIENCE", 0.2)
    with pytest.raises(UsageError, match=r"libpcap takes more than 0\.2 s to compile it; name networks"):
        packet_filter(["port 1 or " * 3000 + "ip"])


def test_names_that_nobody_resolves_are_waited_for_in_vain_only_so_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    monkeypatch.setattr(pcap, "_PATIENCE", 0.2)
    monkeypatch.setattr(pcap, "_SLOW", 0.1)
    answers = threading.Event()
    monkeypatch.setattr(pcap, "_program", lambda *_: answers.wait())
    try:
        with pytest.raises(UsageError, match=r"its names were not resolved within 0\.2 s; give addresses"):
            packet_filter(["host silent.example"])
        assert caplog.messages == ["packet filter 'host silent.example': resolving its names, for 0.2 s at most"]
    finally:
        answers.set()


def test_long_texts_give_what_short_ones_do() -> None:
    text = "tcp port 80 or (vlan and host 192.0.2.1)"
    assert compile_expression(text.ljust(5000), LinkType.ETHERNET) == compile_expression(text, LinkType.ETHERNET)
    with pytest.raises(UsageError, match="syntax error"):
        compile_expression("ip and (".ljust(5000), LinkType.ETHERNET)


def test_a_filter_that_is_too_large_says_how_large_it_is() -> None:
    text = " or ".join(f"(host 10.0.{n}.1 and tcp port {n + 1})" for n in range(140))
    size = len(compile_expression(text, LinkType.ETHERNET))
    assert size > MAX_INSTRUCTIONS
    with pytest.raises(UsageError, match=f"{size} instructions .* more than {MAX_INSTRUCTIONS}; name networks"):
        packet_filter([text])
    half = " or ".join(f"(host 10.0.{n}.1 and tcp port {n + 1})" for n in range(80))
    packet_filter([half])
    with pytest.raises(UsageError, match="the packet filters together"):
        packet_filter([half, half])


def test_libpcap_takes_nothing_from_the_kernel_but_the_direction() -> None:
    """On a handle that is no capture, it knows of no tags in metadata and of no packet type but that of ``inbound``."""
    for text in (*dict.fromkeys(collected(expressions, 300, 9)), "vlan and vlan", "vlan 5 and not vlan 6"):
        for link in LinkType:
            try:
                program = compile_expression(text, link)
            except UsageError:
                continue
            loads = [each for each in program if each.kind in (Class.LD, Class.LDX)]
            assert not [each for each in loads if each.mode in (Mode.ABS, Mode.MSH) and each.k >= NEGATIVE], text
    first = compile_expression("inbound", LinkType.ETHERNET)[0]
    assert first.k == (1 << 32) - 0x1000 + 4  # SKF_AD_OFF + SKF_AD_PKTTYPE


_MANY = """
import mmap
from pathlib import Path
from tracer_core.errors import UsageError
from tracer_core.filters.pcap import LinkType, compile_expression

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE

def compile_many(text, count):
    for _ in range(count):
        try:
            compile_expression(text, LinkType.ETHERNET)
        except UsageError:
            pass
    return resident()

right, wrong = "host 192.0.2.1 and (tcp port 80 or udp portrange 50-500)", "host 192.0.2.1 and ("
first = compile_many(right, 10_000)
print(compile_many(right, 10_000) - first, compile_many(wrong, 5000) - first)
"""


def test_compiling_gives_everything_back() -> None:
    # in a process of its own: what other tests leave comes and goes
    grown = subprocess.run([sys.executable, "-c", _MANY], check=True, capture_output=True, text=True).stdout
    assert all(int(size) < 1_000_000 for size in grown.split()), grown  # a program has 264 bytes, a handle more
    assert len(grown.split()) == 2


def test_no_libpcap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pcap, "_SONAMES", ("libpcap-that-is-not-there.so.1",))
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    with pytest.raises(MachineError, match=r"packet filters need libpcap: .*apt install libpcap0\.8"):
        pcap._load()


def test_another_name_of_libpcap(monkeypatch: pytest.MonkeyPatch) -> None:
    name = pcap._load()._name
    monkeypatch.setattr(pcap, "_SONAMES", ("libpcap-that-is-not-there.so.1",))
    monkeypatch.setattr("ctypes.util.find_library", lambda _: name)
    assert pcap._load()._name == name
    assert "libpcap" in pcap.version()


def test_the_kernel_takes_what_we_take() -> None:
    for text in dict.fromkeys(collected(expressions, 300, 11)):
        try:
            made = packet_filter([text])
        except UsageError:
            continue
        KernelFilter(made.expressions[0].frame).close()
