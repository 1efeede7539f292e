"""Whatever the events are, another library reads their packets, and they are what their events are printed as."""

from __future__ import annotations

import io
from base64 import b64decode
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.event_json import STARTUP, events, write_lines
from tests.pcap.captures import OFFSET, packets, time_of, written_event

from tracer_core.cli.main import run
from tracer_core.cli.options.input import Input
from tracer_core.display.text import TextFormat
from tracer_core.files.pcap.probe_choice import ProbeChoice
from tracer_core.files.pcap.writer import PcapWriter
from tracer_core.types import TextOptions

if TYPE_CHECKING:
    from pathlib import Path


# the library that reads uses what it deprecated
pytestmark = pytest.mark.filterwarnings("ignore:Field type should not be:DeprecationWarning")


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
