"""Whole events as text, compared with what the PyPI ``retis`` library prints for the same event."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest
import retis
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.event_json import PING

from tracer_core.display.text import TextFormat
from tracer_core.plugins.declare import formatters
from tracer_core.plugins.host import Host
from tracer_core.sections import Event, Header, Packet, ProbeInfo
from tracer_core.testing.events import text_of
from tracer_core.types import TextOptions

if TYPE_CHECKING:
    from pathlib import Path

STARTUP = {
    "common": {"timestamp": 1},
    "startup": {
        "retis_version": "v1.7.0",
        "cmdline": "none",
        "clock_monotonic_offset": {"sec": 0, "nsec": 0},
        "machine": {"kernel_release": "6.1", "kernel_version": "#1", "hardware_name": "x86_64"},
    },
}


def as_json(event: Event) -> dict[str, Any]:
    """The event as the exchange format has it."""
    header, packet = event.header, event.get(Packet)
    found: dict[str, Any] = {
        "common": {
            "timestamp": header.timestamp,
            "smp_id": header.cpu,
            "task": {"pid": header.pid, "tgid": header.tgid, "comm": (header.comm or b"").decode()},
        },
        "kernel": {"symbol": event.probe.symbol, "probe_type": event.probe.kind},
    }
    if packet is not None:
        data = base64.b64encode(packet.data).decode()
        found["packet"] = {"len": packet.len, "capture_len": packet.capture_len, "data": data}
    return found


@st.composite
def events(draw: st.DrawFn) -> Event:
    tasks = st.integers(0, 2**22)
    pid = draw(tasks)
    header = Header(
        timestamp=draw(st.integers(0, 2**63)),
        present=0,
        lost=0,
        pid=pid,
        tgid=draw(st.just(pid) | tasks),
        cpu=draw(st.integers(0, 4096)),
        probe=0,
        comm=draw(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=15)).encode(),
    )
    symbol = draw(st.sampled_from(["net:netif_receive_skb", "skb:kfree_skb", "net:net_dev_start_xmit"]))
    sections: dict[str, Any] = {}
    if draw(st.booleans()):
        data = PING[: draw(st.integers(0, len(PING)))]
        sections["packet"] = Packet(len(PING), len(data), data)
    return Event(header, ProbeInfo(symbol, "raw_tracepoint", "tp"), sections)


@settings(max_examples=30)
@given(found=st.lists(events(), min_size=1, max_size=30))
def test_whole_events_have_the_multi_line_text_of_retis(
    tmp_path_factory: pytest.TempPathFactory, found: list[Event]
) -> None:
    path: Path = tmp_path_factory.mktemp("oracle") / "events.json"
    path.write_text("".join(json.dumps(line) + "\n" for line in (STARTUP, *map(as_json, found))))
    collector = Host().collector("skb")
    text = TextFormat([(collector.owner, formatter) for formatter in formatters(collector)], TextOptions())
    theirs = [str(event).replace("use 'retis pcap'", "use 'tracer pcap'") for event in retis.EventReader(str(path))][1:]
    assert [text_of(text, event) for event in found] == [f"{event}\n\n" for event in theirs]


@settings(max_examples=50)
@given(found=events())
def test_single_line_text_is_the_multi_line_text_joined_by_spaces(found: Event) -> None:
    collector = Host().collector("skb")
    mine = [(collector.owner, formatter) for formatter in formatters(collector)]
    multi = text_of(TextFormat(mine, TextOptions()), found)
    single = text_of(TextFormat(mine, TextOptions(multi_line=False)), found)
    assert single == multi.removesuffix("\n\n").replace("\n  ", " ") + "\n"
