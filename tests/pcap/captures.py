"""Captures of events, and what other programs read in them."""

from __future__ import annotations

import io
import json
import os
import subprocess
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from pcapng import FileScanner
from pcapng.blocks import EnhancedPacket
from tests.event_json import PING, write_lines

from tracer_core.cli.main import run

if TYPE_CHECKING:
    from pathlib import Path

OFFSET = 1_700_000_000_000_005_000
TP, K = ("raw_tracepoint", "net:netif_rx"), ("kprobe", "ip_rcv")


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


def tshark(path: Path, *fields: str) -> list[list[str]]:
    """Fields of packets, as tshark shows them."""
    names = [word for field in fields for word in ("-e", field)]
    command = ["tshark", "-n", "-r", str(path), "-Y", "eth or frame.cap_len == 0", "-T", "fields", *names]
    found = subprocess.run(command, check=True, capture_output=True, text=True)
    return [line.split("\t") for line in found.stdout.splitlines()]


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


FENTRY = {**event(4, ("kprobe", "tcp_v4_rcv")), "tracer": {"probe_type": "fentry"}}
FEXIT = {**event(5, ("kretprobe", "tcp_v4_rcv")), "tracer": {"probe_type": "fexit"}}
