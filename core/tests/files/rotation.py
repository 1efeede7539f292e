"""Sets of files, as a run with ``--out-rotate`` writes them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import pytest

from tracer_core.events.about import About
from tracer_core.events.form import form_of
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.arrow.writer import ArrowEvents
from tracer_core.files.contents import Contents
from tracer_core.files.events import EventSet, open_events
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import batch_of
from tracer_core.wire import U32, Blob, section

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from tracer_core.files.writer import EventWriter

KINDS = ("json", "arrow")
kinds = pytest.mark.parametrize("kind", KINDS)
OURS = {"json": is_json_lines, "arrow": is_arrow_events}


@section("load")
class Load(NamedTuple):
    """As many bytes as a test wants."""

    size: U32
    data: Annotated[bytes, Blob(4096, "size")]


PROBE = ProbeInfo("net:netif_receive_skb", "raw_tracepoint", "tp")
ABOUT = About("tracer 1.2.3", "tracer collect -o x", 17, 10**18, "6.1", "#1 SMP", "x86_64", (PROBE,))


def event(number: int, size: int = 100) -> Event:
    """One that takes some room: what is in it does not compress."""
    data = b"".join(hash((number, part)).to_bytes(8, "little", signed=True) for part in range(-(-size // 8)))[:size]
    return Event(Header(1000 + number, 0, 0, 985, 995, 1, 0, b"ping"), PROBE, {"load": Load(size, data)})


def begin(files: TargetFiles, kind: str, about: About = ABOUT, *, is_sorted: bool = False) -> EventWriter:
    """What writes files of a kind."""
    if kind == "json":
        return JsonLines(files, about, is_sorted=is_sorted)
    return ArrowEvents(files, about, Contents((form_of(Load),), is_sorted=is_sorted))


def write(
    path: Path,
    batches: Iterable[list[Event]],
    *,
    limit: int,
    count: int = 0,
    about: About = ABOUT,
    facts: Mapping[str, Any] | None = None,
) -> int:
    """Write a set; its kind is the suffix of the path.

    Returns:
        How many files the writer says that there are.
    """
    kind = path.suffix[1:]
    with TargetFiles(path, OURS[kind], limit=limit, count=count) as files:
        writer = begin(files, kind, about)
        for batch in batches:
            writer.write(batch_of(batch))
        writer.end(facts or {})
    return files.files


def files_of(path: Path) -> list[Path]:
    """All files of a set, in order."""
    return sorted(path.parent.glob(f"{path.name}.*"), key=lambda file: int(file.suffix[1:]))


def read(path: Path, *, follow: bool = False) -> list[Event]:
    """The events of a file, or of those that follow it, too."""
    with EventSet(path, [Load], follow=follow) as found:
        return [event for event, _ in _events(found)]


def _events(found: EventSet) -> Iterable[tuple[Event, About]]:
    from tracer_core.events.objects import events_of

    for batch in found.batches():
        for one in events_of(batch):
            yield one, found.about


def about_of(path: Path) -> About:
    """What a file says of its run."""
    with open_events(path, [Load]) as reader:
        return reader.about


def another() -> About:
    """Another run."""
    return dataclasses.replace(ABOUT, command="tracer collect -o x -p another", started=18)


LIMIT = 20_000
"""Bytes: so that MANY fill several files."""

MANY = [[event(100 * batch + number) for number in range(100)] for batch in range(10)]
ALL = [one for batch in MANY for one in batch]


def write_all(writer: EventWriter) -> None:
    """Write all of them, batch by batch."""
    for batch in MANY:
        writer.write(batch_of(batch))
