"""JSON lines: what is written, and what is read of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from core.tests.files.json_samples import ABOUT, HEADER, PROBE, SECTIONS, AllForms, lines, read, write
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.errors import RunError
from tracer_core.events.about import about_run
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.sections import Event, Header, Packet, ProbeInfo, Return, Stack
from tracer_core.testing.events import batch_of
from tracer_core.types import ProbeKind

u32, u64, s64 = st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1)
words = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
chars = words.map(lambda word: word.replace("\0", "").encode())
frames = st.lists(words, max_size=5).map(lambda names: Stack(8 * len(names), tuple(names)))
sections = st.fixed_dictionaries(
    {},
    optional={
        "packet": st.binary(max_size=80).map(lambda data: Packet(1500, len(data), data)),
        "return": st.builds(Return, u64, u64, s64, st.integers(0, 3)),
        "stack": frames,
        "all-forms": st.builds(
            AllForms,
            st.integers(0, 255),
            s64,
            chars,
            words,
            st.lists(words, max_size=3).map(tuple),
            u32,
            st.binary(max_size=64),
        ),
    },
)
probes = st.sampled_from(list(enumerate(ABOUT.probes)))
headers = st.builds(Header, u64, st.just(0), u64, u32, u32, u32, st.just(0), chars)


@st.composite
def events(draw: st.DrawFn) -> Event:
    index, probe = draw(probes)
    return Event(draw(headers)._replace(probe=index), probe, draw(sections))


@settings(max_examples=60)
@given(found=st.lists(events(), max_size=8))
def test_what_was_written_is_read_back_equal(tmp_path_factory: pytest.TempPathFactory, found: list[Event]) -> None:
    path = write(tmp_path_factory.mktemp("json") / "events.json", *found)
    again = read(path)
    assert again == found
    assert [list(map(type, event.sections.values())) for event in again] == [
        [type(event.sections[name]) for name in other.sections] for event, other in zip(found, again, strict=True)
    ]
    with JsonLinesReader(path, SECTIONS) as reader:
        assert reader.about == ABOUT


@pytest.mark.parametrize("kind", [kind for kind in ProbeKind if kind not in {ProbeKind.FUNCTION, ProbeKind.RETURN}])
def test_every_kind_of_probe_is_read_back(tmp_path: Path, kind: ProbeKind) -> None:
    found = Event(HEADER._replace(probe=3), ProbeInfo("a", kind.value, kind.label, "/x" if kind.in_process else ""))
    assert read(write(tmp_path / "events.json", found)) == [found]


def test_a_line_is_compact_and_has_nothing_that_is_not_there(tmp_path: Path) -> None:
    path = write(tmp_path / "events.json", Event(HEADER, PROBE, {"packet": Packet(60, 3, b"abc")}))
    assert path.read_text().splitlines()[1] == (
        '{"common":{"timestamp":2048,"smp_id":1,"task":{"pid":985,"tgid":995,"comm":"ping"}},'
        '"kernel":{"symbol":"net:netif_receive_skb","probe_type":"raw_tracepoint"},'
        '"packet":{"len":60,"capture_len":3,"data":"YWJj"}}'
    )


def test_names_that_are_no_utf8_are_written_as_their_text_shows_them(tmp_path: Path) -> None:
    probe = ProbeInfo("p:n", "usdt", "u", "/bin/\udcff")
    [found] = read(write(tmp_path / "events.json", Event(HEADER._replace(comm="Ж".encode()[:1]), probe)))
    assert found.header.comm is not None
    assert found.header.comm.decode() == "\ufffd"
    assert found.probe.path == "/bin/\ufffd"


def test_probes_that_the_first_line_does_not_name_are_numbered_after_those_that_it_does(tmp_path: Path) -> None:
    text = '{"common":{"timestamp":1},"kernel":{"symbol":"%s","probe_type":"kprobe"}}'
    found = read(lines(tmp_path / "events.json", text % "a", text % "b", text % "a"))
    assert [event.header.probe for event in found] == [3, 4, 3]


def test_what_is_known_at_the_end_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    with TargetFiles(path, is_json_lines) as files:
        writer = JsonLines(files, ABOUT)
        writer.write(batch_of([Event(HEADER, PROBE)]))
        writer.end({"lost": [1, 0, 2]})
    with JsonLinesReader(path, SECTIONS) as reader:
        assert len(list(reader)) == 1
        assert reader.end == {"lost": [1, 0, 2]}


def test_our_own_file_is_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "events.json", Event(HEADER, PROBE))
    write(tmp_path / "events.json", about=about_run(["tracer"], [], {}, {}))
    assert read(tmp_path / "events.json") == []


def test_a_full_disk_is_reported_with_the_number_of_events_that_are_there() -> None:
    with (
        TargetFiles(Path("/dev/full"), is_json_lines) as files,
        pytest.raises(RunError, match=r"cannot write /dev/full: No space left on device, after 0 event\(s\)"),
    ):
        JsonLines(files, ABOUT)


def test_a_run_says_when_and_where_it_was() -> None:
    about = about_run(["tracer", "collect", "-p", "a b"], [PROBE], {}, {})
    assert about.command == "tracer collect -p 'a b'"
    assert about.kernel_release == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert about.clock_offset > 0
