"""A run, events of it, and files of JSON lines with them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NamedTuple

from tracer_core.events.about import About
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.sections import Event, Header, Packet, ProbeInfo, Return, Stack
from tracer_core.testing.events import batch_of
from tracer_core.wire import S64, U8, U32, Blob, Chars, Scalar, layout_of, section


@section("all-forms")
class AllForms(NamedTuple):
    """A field of each form, those included that a decoder makes of what is on the wire."""

    small: U8
    signed: S64
    name: Annotated[bytes, Chars(16)]
    reason: Annotated[str, Scalar("u32", "<u4", 4)]
    names: Annotated[tuple[str, ...], Scalar("u64", "<u8", 8)]
    size: U32
    data: Annotated[bytes, Blob(64, "size")]


SECTIONS = (Packet, Return, Stack, AllForms)
PROBE = ProbeInfo("net:netif_receive_skb", "raw_tracepoint", "tp")
ABOUT = About(
    "tracer 1.2.3",
    "tracer collect -o 'a b'",
    17,
    1_700_000_000_123_456_789,
    "6.1",
    "#1 SMP",
    "x86_64",
    (PROBE, ProbeInfo("ip_rcv", "fentry", "fentry"), ProbeInfo("p:n", "usdt", "u", "/bin/x")),
    {"skb": "tracer-skb 1.2.3"},
    {layout_of(cls).name: layout_of(cls).version for cls in SECTIONS},
)
HEADER = Header(2048, 0, 0, 985, 995, 1, 0, b"ping")


def write(path: Path, *events: Event, about: About = ABOUT) -> Path:
    """A file of these events."""
    with TargetFiles(path, is_json_lines) as files:
        JsonLines(files, about).write(batch_of(events))
    return path


def read(path: Path, *sections: type[Any]) -> list[Event]:
    """Its events, by these sections if any are given."""
    with JsonLinesReader(path, sections or SECTIONS) as reader:
        return list(reader)


def lines(path: Path, *texts: str) -> Path:
    """A file with these lines after a right first one."""
    first = write(path).read_text()
    path.write_text(first + "".join(text + "\n" for text in texts))
    return path
