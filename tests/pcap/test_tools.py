"""Other tools show the packets that ``tracer pcap`` writes, and the event of each beside it."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.event_json import PING, write_lines
from tests.pcap.captures import K, event, saved, tcpdump, tshark

from tracer_core import __version__
from tracer_core.cli.main import run
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.pages.blocks import Block

    from tracer_core.testing.command import Tracer
    from tracer_core.testing.netns import TwoNamespaces


# the library that reads uses what it deprecated
pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")

FILTER = "icmp or tcp port 9"


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
