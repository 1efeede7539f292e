"""``tracer pcap``: other tools read the packets, and find the event of each beside it."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from base64 import b64decode, b64encode
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket, InterfaceDescription, SectionHeader, UnknownBlock
from tests.event_json import PING, STARTUP, USER_EVENT, events, write_lines

from tracer_core import __version__
from tracer_core.cli.main import run
from tracer_core.cli.options.input import Input
from tracer_core.display.text import TextFormat
from tracer_core.files.pcap import pcapng
from tracer_core.files.pcap.probe_choice import ProbeChoice
from tracer_core.files.pcap.writer import PcapWriter
from tracer_core.testing.patience import patience
from tracer_core.testing.pytest_plugin import unavailable
from tracer_core.types import TextOptions

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces

OFFSET = 1_700_000_000_000_005_000
TP, K = ("raw_tracepoint", "net:netif_rx"), ("kprobe", "ip_rcv")
# the library that reads uses what it deprecated
pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one: short names in messages."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def event(number: int, probe: tuple[str, str] = TP, data: bytes | None = PING, length: int = 0) -> dict[str, Any]:
    kind, symbol = probe
    found = {
        "common": {"timestamp": number, "smp_id": 1},
        "kernel": {"symbol": symbol, "probe_type": kind},
        "netns": {"cookie": 1, "inum": 4026531840},
    }
    if data is None:
        return found
    packet = {"len": length or len(data), "capture_len": len(data), "data": b64encode(data).decode()}
    return {**found, "packet": packet}


def saved(tmp_path: Path, *found: Any, arguments: tuple[str, ...] = ()) -> Path:  # noqa: ANN401 - events
    """A capture of these events."""
    source, target = write_lines(tmp_path / "in.json", found), tmp_path / "out.pcapng"
    assert run(["pcap", str(source), "-o", str(target), *arguments]) == 0
    return target


@pytest.fixture(autouse=True, scope="module")
def _readers() -> None:
    missing = [name for name in ("tshark", "capinfos", "tcpdump", "prlimit") if shutil.which(name) is None]
    if missing:
        unavailable("tshark", f"needs {', '.join(missing)}")


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """Fields of packets, as tshark shows them."""
    names = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-n", "-r", str(path), "-Y", "eth or frame.cap_len == 0", "-T", "fields", *names]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.split("\t") for line in found.stdout.splitlines()]


FILTER = "icmp or tcp port 9"


def tcpdump(data: bytes, *arguments: str) -> list[str]:
    command = ["tcpdump", "-tttt", "--nano", "-nn", "-r", "-", *arguments]
    environment = {**os.environ, "TZ": "UTC"}
    return (
        subprocess.run(command, check=True, input=data, capture_output=True, env=environment)
        .stdout.decode()
        .splitlines()
    )


def packets(data: bytes) -> list[EnhancedPacket]:
    """As another library reads them; it is strict about sizes and padding."""
    return [block for block in FileScanner(io.BytesIO(data)) if isinstance(block, EnhancedPacket)]


def packets_of(tmp_path: Path, *found: Any, arguments: tuple[str, ...] = ()) -> list[EnhancedPacket]:  # noqa: ANN401
    return packets(saved(tmp_path, *found, arguments=arguments).read_bytes())


def time_of(block: EnhancedPacket) -> int:
    return int((block.timestamp_high << 32) + block.timestamp_low)


def written_event(block: EnhancedPacket) -> Any:  # noqa: ANN401 - what JSON can hold
    pen, text = block.options["custom_str_safe"]
    assert int(pen) == 70_000
    return json.loads(text)


def test_tshark_shows_the_interface_time_length_and_comment_of_each_packet(tmp_path: Path) -> None:
    path = saved(tmp_path, event(1), event(20, K), event(300, length=1500), event(300))
    fields = ("frame.interface_name", "frame.interface_description", "frame.time_epoch", "frame.cap_len", "frame.len")
    tp, k = ("raw_tracepoint/net:netif_rx", "kprobe/ip_rcv")
    assert tshark(path, *fields) == [
        [tp, f"Fake interface for probe {tp}", "1700000000.000005001", "42", "42"],
        [k, f"Fake interface for probe {k}", "1700000000.000005020", "42", "42"],
        [tp, f"Fake interface for probe {tp}", "1700000000.000005300", "42", "1500"],
        [tp, f"Fake interface for probe {tp}", "1700000000.000005300", "42", "42"],
    ]
    comment = (
        r"20 (1) [k] ip_rcv\n"
        r"  192.0.2.1 > 192.0.2.2 tos 0x0 ttl 64 id 1 off 0 [DF] len 28 proto ICMP (1) type 8 code 0\n"
        r"  ns 0x1/4026531840"
    )
    assert tshark(path, "frame.comment", "ip.src", "icmp.type")[1] == [comment, "192.0.2.1", "8"]


def test_capinfos_knows_who_wrote_it_and_on_what(tmp_path: Path) -> None:
    path = saved(tmp_path, event(1), event(2, K))
    found = subprocess.run(["capinfos", str(path)], check=True, capture_output=True, text=True).stdout
    said = dict(line.split(":", 1) for line in found.splitlines() if ": " in line)
    facts = {key.strip(): value.strip() for key, value in said.items()}
    assert facts["Number of packets"] == "2"
    assert facts["File encapsulation"] == "Ethernet"
    assert facts["File timestamp precision"] == "nanoseconds (9)"
    assert facts["Capture application"] == f"tracer {__version__}"
    assert facts["Capture oper-sys"] == "Linux 6.12"
    assert facts["Capture hardware"] == "x86_64"
    assert facts["Number of interfaces in file"] == "2"


def test_tcpdump_reads_packets_from_a_pipe(tracer: Tracer, tmp_path: Path) -> None:
    fake = bytes(12) + PING[12:]  # as packets without a link layer are written
    source = write_lines(tmp_path / "in.json", [event(1), event(2, data=fake), event(3, data=b"", length=42)])
    process = subprocess.run([tracer.path, "pcap", str(source)], check=True, capture_output=True)
    line = "IP 192.0.2.1 > 192.0.2.2: ICMP echo request, id 0, seq 0, length 8"
    assert tcpdump(process.stdout) == [
        f"2023-11-14 22:13:20.000005001 {line}",
        f"2023-11-14 22:13:20.000005002 {line}",
        "[Invalid header: caplen==0]",  # so tcpdump calls all packets of which nothing was captured
    ]
    assert process.stderr.decode() == "3 event(s) were processed\n"


def test_tools_read_packets_as_the_page_says(tracer: Tracer, here: Path, shown: tuple[Block, ...]) -> None:
    found = [event(1), event(2, ("raw_tracepoint", "skb:kfree_skb"))]
    assert run(["convert", str(write_lines(here / "in.json", found)), "tracer.arrow"]) == 0
    path = f"{tracer.path.parent}{os.pathsep}{os.environ['PATH']}"

    def typed(line: str) -> str:
        argv = ["env", f"PATH={path}", "bash", "-o", "pipefail", "-c", line]
        return subprocess.run(argv, check=True, capture_output=True, text=True).stdout

    printed = [typed(line) for block in shown for line in block.lines]
    assert [text.count("192.0.2.1 ") for text in printed] == [2, 1, 0, 1]
    assert printed[3].startswith("1700000000.000005002\t2 (1) [tp] skb:kfree_skb")


def captured(known: Input, source: Path) -> bytes:
    """What becomes of a file; quicker than the command."""
    found: list[bytes] = []
    text = TextFormat(known.formatters(), TextOptions(link_layer=False, multi_line=True))
    writer = PcapWriter(found.append, text, dict, ProbeChoice(()))
    with known.open(source) as opened:
        for batch in opened.batches():
            writer.write(batch, opened.about)
    return b"".join(found)


def with_packets(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for each in found if "kernel" in each and "packet" in each]


@pytest.fixture(scope="module")
def known() -> Input:
    return Input()


@settings(max_examples=60)
@given(found=st.lists(events(), min_size=1, max_size=8), kind=st.sampled_from(["json", "json", "arrow", "parquet"]))
def test_another_library_reads_the_same_packets_times_and_events(
    tmp_path_factory: pytest.TempPathFactory, known: Input, found: list[Any], kind: str
) -> None:
    folder = tmp_path_factory.mktemp("pcap")
    source = write_lines(folder / "in.json", found)
    if kind != "json":
        assert run(["convert", str(source), str(folder / f"in.{kind}")]) == 0
        source = folder / f"in.{kind}"
    read = packets(captured(known, source))
    wanted = with_packets(found)
    assert len(read) == len(wanted)
    for block, one in zip(read, wanted, strict=True):
        packet, probe = one["packet"], one["kernel"]
        assert (block.packet_data, block.packet_len) == (b64decode(packet["data"]), packet["len"])
        assert time_of(block) == min(one["common"]["timestamp"] + OFFSET, 2**64 - 1)
        assert block.interface.options["if_name"] == f"{probe['probe_type']}/{probe['symbol']}"
        assert written_event(block) == {name: value for name, value in one.items() if name != "packet"}


@settings(max_examples=30)
@given(found=st.lists(events(), min_size=1, max_size=8).map(with_packets).filter(bool), is_sorted=st.booleans())
def test_the_comment_of_a_packet_is_the_text_that_its_event_is_printed_as(
    tmp_path_factory: pytest.TempPathFactory, known: Input, found: list[Any], is_sorted: bool
) -> None:
    folder = tmp_path_factory.mktemp("pcap")
    alone = write_lines(folder / "alone.json", found)
    source = write_lines(folder / "in.json", [found], [STARTUP]) if is_sorted else alone
    comments = [block.options["opt_comment"] for block in packets(captured(known, source))]
    assert len(comments) == len(found)
    assert printed(alone).endswith("".join(f"{comment}\n\n" for comment in comments))


def printed(path: Path) -> str:
    with redirect_stdout(io.StringIO()) as text:
        assert run(["print", str(path)]) == 0
    return text.getvalue()


def test_the_blocks_are_a_section_the_schema_and_interfaces_before_their_packets(tmp_path: Path) -> None:
    path = saved(tmp_path, event(1), event(2, K), event(3))
    section, schema, *others = FileScanner(io.BytesIO(path.read_bytes()))
    assert isinstance(section, SectionHeader)
    assert isinstance(schema, UnknownBlock)
    assert (schema.block_type, schema.data[:4]) == (0xBAD, (70_000).to_bytes(4, "little"))
    assert json.loads(schema.data[4:])["properties"].keys() >= {"common", "kernel", "packet", "skb"}
    kinds = [type(block) for block in others]
    assert kinds == [InterfaceDescription, InterfaceDescription, *[EnhancedPacket] * 3]
    assert [block.interface_id for block in packets(path.read_bytes())] == [0, 1, 0]
    assert (others[0].link_type, others[0].snaplen) == (1, 65535)


def test_thousands_of_probes_have_an_interface_each(tmp_path: Path) -> None:
    many = [event(number, ("kprobe", f"f{number}")) for number in range(5000)]
    path = saved(tmp_path, *many, *many[::-1])
    names = [name for (name,) in tshark(path, "frame.interface_name")]
    assert names == [f"kprobe/f{number}" for number in (*range(5000), *range(4999, -1, -1))]
    assert len(tcpdump(path.read_bytes())) == 10_000


FENTRY = {**event(4, ("kprobe", "tcp_v4_rcv")), "tracer": {"probe_type": "fentry"}}
FEXIT = {**event(5, ("kretprobe", "tcp_v4_rcv")), "tracer": {"probe_type": "fexit"}}
PLACES = [event(1), event(2, ("raw_tracepoint", "skb:kfree_skb")), event(3, K), FENTRY, FEXIT, USER_EVENT]


@pytest.mark.parametrize(
    ("probes", "numbers"),
    [
        ((), [1, 2, 3, 4, 5]),
        (("tp:net:netif_rx",), [1]),
        (("net:netif_rx/stack",), [1]),
        (("tp:*",), [1, 2]),
        (("raw_tracepoint:net:*", "skb:kfree_*"), [1, 2]),
        (("ip_rcv",), [3]),
        (("k:*",), [3, 4]),
        (("*_rcv",), [3, 4]),
        (("fentry:*",), [4]),
        (("kr:tcp_*",), [5]),
        (("fexit:tcp_v4_rcv",), [5]),
        (("kprobe:ip_rcv", "ip_*"), [3]),
    ],
)
def test_packets_of_the_probes_that_the_user_names_are_written(
    tmp_path: Path, probes: tuple[str, ...], numbers: list[int]
) -> None:
    arguments = tuple(word for probe in probes for word in ("-p", probe))
    found = packets_of(tmp_path, *PLACES, arguments=arguments)
    assert [written_event(block)["common"]["timestamp"] for block in found] == numbers


def test_what_a_trampoline_saw_is_of_the_interface_of_its_function(tmp_path: Path) -> None:
    found = packets_of(tmp_path, FENTRY, FEXIT, event(6, ("kprobe", "tcp_v4_rcv")))
    names = [block.interface.options["if_name"] for block in found]
    assert names == ["kprobe/tcp_v4_rcv", "kretprobe/tcp_v4_rcv", "kprobe/tcp_v4_rcv"]
    assert "[fentry] tcp_v4_rcv" in found[0].options["opt_comment"]


@pytest.mark.parametrize(
    ("arguments", "found", "code", "message"),
    [
        (("-p", "ip_output"), PLACES, 1, "Error: in.json: Probe not found in the events; see: tracer stats\n"),
        (("-p", "net:ip_rcv"), PLACES, 1, "Error: in.json: Probe not found in the events; see: tracer stats\n"),
        ((), [USER_EVENT], 1, "Error: in.json: no event is of a probe in the kernel; see: tracer stats\n"),
        ((), [], 1, "Error: in.json: there are no events in it; see: tracer stats\n"),
        (("-p", "ip_rcv"), [], 1, "Error: in.json: there are no events in it; see: tracer stats\n"),
        (("-p", "k:net:netif_rx"), PLACES, 2, "Error: probe 'k:net:netif_rx': not a function; "),
        (("-p", ""), PLACES, 2, "Error: probe '': not a function; "),
        (("-p", "foo:bar:baz"), PLACES, 2, "Error: probe 'foo:bar:baz': invalid type 'foo'; "),
        (
            (),
            [event(1, data=None)] * 3,
            1,
            "3 event(s) were processed\nWARN  3 event(s) were skipped because of missing raw packet\n"
            "Error: there is nothing to write: no event has a packet; ",
        ),
    ],
)
def test_where_there_is_nothing_to_write_one_line_says_why_and_there_is_no_file(
    tracer: Tracer, here: Path, *, arguments: tuple[str, ...], found: list[Any], code: int, message: str
) -> None:
    write_lines(here / "in.json", found)
    result = tracer.run("pcap", "in.json", "-o", "out.pcapng", *arguments)
    assert (result.returncode, result.stdout) == (code, "")
    assert result.stderr.startswith(message)
    assert result.stderr.splitlines()[-1].startswith("Error: ")
    assert not (here / "out.pcapng").exists()


def test_what_was_skipped_and_which_probe_was_not_met_is_told(tracer: Tracer, here: Path) -> None:
    write_lines(here / "in.json", [event(1), event(2, data=None), event(3, K)])
    result = tracer.run("pcap", "in.json", "-o", "o", "-p", "net:netif_rx", "-p", "tcp_*")
    assert result.returncode == 0
    assert result.stderr.splitlines() == [
        "2 event(s) were processed",
        "WARN  1 event(s) were skipped because of missing raw packet",
        "WARN  no event is of probe tcp_*",
    ]
    assert len(packets((here / "o").read_bytes())) == 1


def test_a_packet_comes_without_what_has_no_room_in_a_block(tracer: Tracer, here: Path) -> None:
    large = {**event(1), "x-large": {"text": "ä" * 40_000}}
    write_lines(here / "in.json", [large, event(2)])
    result = tracer.run("pcap", "in.json", "-o", "out.pcapng")
    assert "WARN  1 packet(s) come without their event as JSON" in result.stderr
    first, second = packets((here / "out.pcapng").read_bytes())
    assert "custom_str_safe" not in first.options
    assert first.options["opt_comment"].encode().endswith("ä".encode() * 1000)
    assert 65_533 <= len(first.options["opt_comment"].encode()) <= 65_535
    assert written_event(second)["common"]["timestamp"] == 2
    assert [line[0] for line in tshark(here / "out.pcapng", "frame.len")] == ["42", "42"]


@pytest.mark.parametrize(("size", "kept"), [(65_535, 65_535), (70_000, 65_535)])
def test_packets_that_are_larger_than_an_interface_says_are_cut_off(tmp_path: Path, size: int, kept: int) -> None:
    (block,) = packets_of(tmp_path, event(1, data=PING + bytes(size - len(PING))))
    assert (len(block.packet_data), block.packet_len) == (kept, size)


@pytest.mark.parametrize("timestamp", [0, 2**64 - 1])
def test_times_that_no_block_can_tell_are_the_nearest(tmp_path: Path, timestamp: int) -> None:
    (block,) = packets_of(tmp_path, event(timestamp))
    assert time_of(block) == min(timestamp + OFFSET, 2**64 - 1)


def test_packets_of_each_run_of_a_file_have_the_time_of_their_run(tmp_path: Path) -> None:
    other = json.loads(json.dumps(STARTUP))
    other["startup"]["clock_monotonic_offset"] = {"sec": 5, "nsec": 7}
    found = packets_of(tmp_path, event(1), other, event(2))
    assert [time_of(block) for block in found] == [1 + OFFSET, 5_000_000_009]
    assert [block.interface_id for block in found] == [0, 0]


def test_a_rotated_set_is_one_capture(tmp_path: Path) -> None:
    for number in range(3):
        startup = json.loads(json.dumps(STARTUP))
        startup["startup"]["split_file"] = {"id": number, "policy": {"kind": "size", "limit": 100_000}}
        write_lines(tmp_path / f"set.{number}", [event(number)], startup)
    target = tmp_path / "out.pcapng"
    assert run(["pcap", f"{tmp_path / 'set.1'}..", "-o", str(target)]) == 0
    assert [written_event(block)["common"]["timestamp"] for block in packets(target.read_bytes())] == [1, 2]


def test_a_terminal_is_refused(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", [event(1)])
    ours, theirs = os.openpty()
    result = subprocess.run(
        [tracer.path, "pcap", str(source)], stdout=theirs, stderr=subprocess.PIPE, text=True, check=False
    )
    os.close(theirs)
    os.close(ours)
    assert result.returncode == 2
    assert result.stderr == "Error: packets are no text, and stdout is a terminal; name a file: -o FILE\n"


def test_a_dash_is_no_file(tracer: Tracer, here: Path) -> None:
    write_lines(here / "in.json", [event(1)])
    result = tracer.run("pcap", "in.json", "-o", "-")
    assert (result.returncode, result.stderr) == (2, "Error: -: no file has that name; for stdout, leave -o out\n")
    assert not (here / "-").exists()


def test_a_capture_of_ours_is_overwritten_and_nothing_else(tracer: Tracer, here: Path) -> None:
    path = saved(here, *[event(number) for number in range(100)])
    assert len(packets_of(here, event(1))) == 1
    whole = path.read_bytes()
    others = {
        "events.json": (here / "in.json").read_bytes(),
        "text": b"dear diary",
        # of another program, which says so at the same place, or not at all
        "other.pcapng": whole.replace(b"tracer ", b"tcpdunk", 1),
        "bare.pcapng": pcapng.section("", "", ""),
    }
    for name, content in others.items():
        (here / name).write_bytes(content)
        result = tracer.run("pcap", "in.json", "-o", name)
        assert result.returncode == 2
        assert f"{name} exists and is no pcapng file of tracer" in result.stderr
        assert (here / name).read_bytes() == content


def test_a_full_disk_leaves_whole_blocks(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", (event(number) for number in range(20_000)))
    limit = ["prlimit", "--fsize=4000000", "--", str(tracer.path), "pcap", str(source), "-o", str(tmp_path / "o")]
    result = subprocess.run(limit, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"Error: cannot write {tmp_path / 'o'}: File too large; ")
    found = len(tcpdump((tmp_path / "o").read_bytes()))
    assert 0 < found < 20_000
    assert f"{found} event(s) were processed" in result.stderr
    assert packets((tmp_path / "o").read_bytes())[-1].packet_data == PING


def test_what_stands_before_a_damage_is_written(tracer: Tracer, here: Path) -> None:
    source = write_lines(here / "in.json", [event(1), event(2)])
    with source.open("a") as file:
        file.write("{broken\n")
    result = tracer.run("pcap", "in.json", "-o", "o")
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith("Error: in.json, line 4: it is no JSON")
    assert len(packets((here / "o").read_bytes())) == 2


def test_an_interrupted_capture_is_whole(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", (event(number) for number in range(20_000)))
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    command = [str(tracer.path), "pcap", str(source), "-o", str(fifo)]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process, fifo.open("rb") as reader:
        data = reader.read(1)  # it has begun, and cannot be done before more is read
        process.send_signal(signal.SIGINT)
        data += reader.read()
        _, stderr = process.communicate()
    assert process.returncode == 0, stderr
    assert "Received signal, terminating..." in stderr
    assert 0 < len(tcpdump(data)) < 20_000


def test_a_reader_that_has_seen_enough_is_no_error(tracer: Tracer, tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", (event(number) for number in range(20_000)))
    with subprocess.Popen(
        [tracer.path, "pcap", str(source)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stdout.read(4) == b"\x0a\x0d\x0d\x0a"
        process.stdout.close()
        assert process.stderr
        assert process.stderr.read() == b""
    assert process.returncode == 0


REFUSED = "import socket, sys; sys.exit(socket.socket().connect_ex((sys.argv[1], 9)) != 111)"


@pytest.mark.bpf
def test_tcpdump_shows_of_a_run_what_it_shows_of_the_traffic_itself(
    tracer: Tracer, two_netns: TwoNamespaces, tmp_path: Path
) -> None:
    one, other = two_netns.a, two_netns.b
    events_file, live, ours = tmp_path / "events.arrow", tmp_path / "live.pcap", tmp_path / "out.pcapng"
    options = ("-p", "tp:net:netif_receive_skb", "-p", "tp:net:net_dev_start_xmit", "--netns", other.name)
    watch = ["tcpdump", "-i", other.device, "-c", "6", "--immediate-mode", "-w", str(live), FILTER]
    with (
        tracer.collect("-c", "skb,dev", *options, "-o", str(events_file)) as collecting,
        two_netns.popen(other, watch, stderr=subprocess.PIPE, text=True) as watching,
    ):
        assert watching.stderr
        assert any("listening on" in line for line in watching.stderr)
        two_netns.run(one, ["ping", "-c", "2", "-i", "0.1", other.ipv4])
        two_netns.run(one, [sys.executable, "-c", REFUSED, other.ipv4])  # SYN, RST
        watching.communicate(timeout=patience(20))
    assert collecting.exit_code == 0, collecting.report()
    result = tracer.run("pcap", str(events_file), "-o", str(ours))
    assert result.returncode == 0, result.stderr
    texts = [sorted(line.partition(" IP ")[2] for line in tcpdump(path.read_bytes(), FILTER)) for path in (live, ours)]
    assert len(texts[0]) == 6
    assert texts[0] == texts[1]
    assert {name for (name,) in tshark(ours, "frame.interface_name")} == {
        "raw_tracepoint/net:netif_receive_skb",
        "raw_tracepoint/net:net_dev_start_xmit",
    }
