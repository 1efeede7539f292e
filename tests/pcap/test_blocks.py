"""What is in the blocks of a capture: interfaces, times, sizes."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket, InterfaceDescription, SectionHeader, UnknownBlock
from tests.event_json import PING, STARTUP, write_lines
from tests.pcap.captures import (
    FENTRY,
    FEXIT,
    OFFSET,
    K,
    event,
    packets,
    packets_of,
    saved,
    tcpdump,
    time_of,
    tshark,
    written_event,
)

from tracer_core.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.testing.command import Tracer


# the library that reads uses what it deprecated
pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")


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


def test_what_a_trampoline_saw_is_of_the_interface_of_its_function(tmp_path: Path) -> None:
    found = packets_of(tmp_path, FENTRY, FEXIT, event(6, ("kprobe", "tcp_v4_rcv")))
    names = [block.interface.options["if_name"] for block in found]
    assert names == ["kprobe/tcp_v4_rcv", "kretprobe/tcp_v4_rcv", "kprobe/tcp_v4_rcv"]
    assert "[fentry] tcp_v4_rcv" in found[0].options["opt_comment"]


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
