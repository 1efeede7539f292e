from __future__ import annotations

import dataclasses
import json
import logging
import re
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.errors import PluginError, RunError, UsageError
from tracer_core.events.about import About, about_run
from tracer_core.events.form import UnknownSection
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target import open_target
from tracer_core.files.target_files import TargetFiles
from tracer_core.sections import Event, Header, Packet, ProbeInfo, Return, Stack
from tracer_core.testing.events import batch_of
from tracer_core.types import ProbeKind
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
    with TargetFiles(path, is_json_lines) as files:
        JsonLines(files, about).write(batch_of(events))
    return path


def read(path: Path, *sections: type[Any]) -> list[Event]:
    with JsonLinesReader(path, sections or SECTIONS) as reader:
        return list(reader)


def lines(path: Path, *texts: str) -> Path:
    """A file with these lines after a right first one."""
    first = write(path).read_text()
    path.write_text(first + "".join(text + "\n" for text in texts))
    return path


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


def test_sections_that_nobody_knows_are_kept(tmp_path: Path) -> None:
    text = '{"common":{"timestamp":1},"kernel":{"symbol":"a","probe_type":"kprobe"},"ct":{"a":{"b":[1]},"class":"x"}}'
    [found] = read(lines(tmp_path / "events.json", text))
    assert found.sections["ct"]._asdict() == {"a": {"b": [1]}, "class": "x"}  # type: ignore[attr-defined]
    [again] = read(write(tmp_path / "again.json", found))
    assert again == found
    assert '"ct":{"a":{"b":[1]},"class":"x"}' in (tmp_path / "again.json").read_text()


@pytest.mark.parametrize("versions", [{"packet": 2}, {"packet": 1}])
def test_sections_of_another_version_are_not_taken_for_ours(tmp_path: Path, versions: dict[str, int]) -> None:
    about = dataclasses.replace(ABOUT, sections=versions)
    packet = Packet(60, 3, b"abc")
    [found] = read(write(tmp_path / "events.json", Event(HEADER, PROBE, {"packet": packet}), about=about))
    expected = packet if versions == {"packet": 1} else UnknownSection.of({"len": 60, "capture_len": 3, "data": "YWJj"})
    assert found.sections["packet"] == expected
    assert type(found.sections["packet"]) is type(expected)


def test_a_section_without_a_field_that_it_should_have_is_given_as_it_is(tmp_path: Path) -> None:
    [found] = read(lines(tmp_path / "events.json", '{"common":{"timestamp":1},"packet":{"len":60}}'))
    assert found.sections["packet"] == UnknownSection.of({"len": 60})


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


def test_a_file_of_retis_is_read_and_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    startup = {
        "retis_version": "v1.7.1-dev-3-gabc",
        "cmdline": "none",
        "clock_monotonic_offset": {"sec": -1, "nsec": 5},
        "machine": {"kernel_release": "a", "kernel_version": "b", "hardware_name": "c"},
    }
    event = {"common": {"timestamp": 2}, "kernel": {"symbol": "a", "probe_type": "kretprobe"}, "dev": None}
    path.write_text(f"{json.dumps({'common': {'timestamp': 1}, 'startup': startup})}\n{json.dumps(event)}")
    with JsonLinesReader(path, SECTIONS) as reader:
        assert list(reader) == [Event(Header(2, 0, 0, None, None, None, 0, None), ProbeInfo("a", "kretprobe", "kr"))]
        assert reader.about == About("Retis v1.7.1-dev-3-gabc", "none", 1, -999_999_995, "a", "b", "c")
    with pytest.raises(UsageError, match="is no event file of tracer"):
        open_target(path, is_json_lines)


def test_our_own_file_is_overwritten(tmp_path: Path) -> None:
    write(tmp_path / "events.json", Event(HEADER, PROBE))
    write(tmp_path / "events.json", about=about_run(["tracer"], [], {}, {}))
    assert read(tmp_path / "events.json") == []


def test_a_cut_last_line_is_left_out_wherever_it_was_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    whole = write(tmp_path / "whole.json", *[Event(HEADER, PROBE, {"packet": Packet(60, 3, b"abc")})] * 3)
    content = whole.read_bytes()
    start = content.rindex(b"\n", 0, -1) + 1
    for end in range(start + 1, len(content) - 1):
        path = tmp_path / "cut.json"
        path.write_bytes(content[:end])
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert len(read(path)) == 2
        assert caplog.messages == [
            f"{path} ends within line 4: the run was killed or the disk full; the 2 events before it are whole"
        ]
    for end in (start, len(content) - 1):  # between two lines, and before the line end only
        path.write_bytes(content[:end])
        caplog.clear()
        assert len(read(path)) == (2 if end == start else 3)
        assert caplog.messages == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "it is no JSON: unexpected end of data"),
        ("", "it is no JSON"),
        ("[1]", "it is a series, unlike the lines before"),
        ("3", "it is no event"),
        ("[" * 100_000, "it is no JSON: depth limit exceeded"),
        ('{"kernel":{}}', "it is no event: there is no 'common'"),
        ('{"common":{"timestamp":NaN}}', "it is no JSON: unexpected character"),
        ('{"common":{"timestamp":"1"}}', 'timestamp is "1", no uint64'),
        ('{"common":{"timestamp":1,"task":3}}', "it is no event: a value in it is of another type"),
        ('{"common":{"timestamp":1},"kernel":{"symbol":"a"}}', "it is no event: there is no 'probe_type'"),
        ('{"common":{"timestamp":1},"kernel":{"symbol":["a"],"probe_type":"b"}}', 'probe is \\["a"\\], no text'),
        ('{"common":{"timestamp":1},"packet":[]}', "section packet is no object"),
        (
            '{"common":{"timestamp":1},"packet":{"len":true,"capture_len":1,"data":""}}',
            "packet: len is true, no uint32",
        ),
        ('{"common":{"timestamp":1},"packet":{"len":1,"capture_len":1,"data":"?"}}', 'data is "\\?", no base64'),
        ('{"common":{"timestamp":1},"tracer":[]}', "section tracer is no object"),
        ('{"common":3}', "section common is no object"),
        (
            '{"common":{"timestamp":1},"tracer":{"end":3}}',
            "it is no event: a value in it is of another type than it must be",
        ),
    ],
)
def test_a_line_that_is_no_event_is_named(tmp_path: Path, text: str, message: str) -> None:
    good = '{"common":{"timestamp":1}}'
    path = lines(tmp_path / "events.json", good, text, good)
    seen: list[Event] = []
    with JsonLinesReader(path, SECTIONS) as reader, pytest.raises(RunError, match=f"line 3: .*{message}"):
        seen.extend(reader)
    assert len(seen) in {0, 1}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\x7fELF\xff", "line 1: it is no JSON"),
        (b"{}\n", "line 1: it does not say how the file began: there is no 'startup'; the file is damaged"),
        (b'[{"startup":{}}]\n', "line 1: it does not say how the file began: there is no 'retis_version'"),
        (b'{"startup":"now"}\n', 'line 1: startup is "now", no object'),
        (b'{"startup":{"retis_version":17}}\n', "line 1: retis_version is 17, no text"),
        (b"[]\n", "line 1: it is no event"),
        (b"[3]\n", "line 1: it is no event"),
        (b'{"startup":{"clock_monotonic_offset":3}}\n', "line 1: it does not say"),
        (b'{"common":{"timestamp":1},"startup":{"retis_version":"v1.4.9","clock_monotonic_offset":{"sec":0,"nsec":0},'
         b'"machine":{}}}\n', "line 1: it is of Retis v1.4.9; files of 1.5 and later can be read"),
    ],
)  # fmt: skip
def test_what_is_no_event_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "events.json").write_bytes(content)
    with pytest.raises(RunError, match=message):
        JsonLinesReader(tmp_path / "events.json", SECTIONS)


PYTHON = re.compile(r"Error:|NoneType|'(int|str|list|dict|float|bool)'|attribute|subscript|iterable|literal|argument")
values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 2**64) | st.floats(allow_nan=False) | st.just("x"),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["sec", "id", "symbol"]), inner),
    max_leaves=3,
)


def _places(value: Any, *way: str) -> list[tuple[str, ...]]:  # noqa: ANN401 - JSON
    inner = [place for name, one in value.items() for place in _places(one, *way, name)] if type(value) is dict else []
    return [*inner, way] if way else inner


@settings(max_examples=300)
@given(st.data())
def test_what_is_wrong_with_a_first_line_is_not_told_in_the_words_of_python(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = write(tmp_path_factory.mktemp("files") / "events.json")
    first = json.loads(path.read_text())
    first["startup"]["split_file"] = {"id": 1, "policy": {"kind": "size", "limit": 100}}
    *way, name = data.draw(st.sampled_from(_places(first)))
    holder = first
    for step in way:
        holder = holder[step]
    if data.draw(st.booleans()):
        del holder[name]
    else:
        holder[name] = data.draw(values)
    path.write_text(json.dumps(first) + "\n")
    told = ""
    try:
        with JsonLinesReader(path, SECTIONS) as reader:
            list(reader)
    except RunError as error:
        told = str(error)
    assert not PYTHON.search(told)


@pytest.mark.parametrize("version", ["unspec", "", "v1.x", "-1"])
def test_a_version_that_nobody_can_compare_is_the_newest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, version: str
) -> None:
    path = lines(tmp_path / "events.json", '{"common":{"timestamp":1}}')
    path.write_text(path.read_text().replace("v1.7.0+tracer.1.2.3", version))
    with JsonLinesReader(path, SECTIONS) as reader:
        assert len(list(reader)) == 1
        assert reader.about.writer == f"Retis {version}"
    assert caplog.messages == [f"{path}: {version!r} is no version of Retis: it is read as of the newest"]


def test_a_file_that_is_not_there_is_an_error_of_the_command_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot read .*events\.json: No such file"):
        JsonLinesReader(tmp_path / "events.json", SECTIONS)


def test_a_full_disk_is_reported_with_the_number_of_events_that_are_there() -> None:
    with (
        TargetFiles(Path("/dev/full"), is_json_lines) as files,
        pytest.raises(RunError, match=r"cannot write /dev/full: No space left on device, after 0 event\(s\)"),
    ):
        JsonLines(files, ABOUT)


def test_a_section_with_other_values_than_it_declares_is_the_collectors_fault(tmp_path: Path) -> None:
    good = Event(HEADER, PROBE, {"packet": Packet(60, 3, b"abc")})
    bad = Event(HEADER, PROBE, {"packet": Packet("sixty", 3, b"abc")})  # type: ignore[arg-type]
    path = tmp_path / "events.json"
    with TargetFiles(path, is_json_lines) as files:
        writer = JsonLines(files, ABOUT)
        writer.write(batch_of([good]))
        with pytest.raises(PluginError, match="section packet cannot be written as JSON: TypeError: %d format"):
            writer.write(batch_of([good, bad, good]))
    assert read(path) == [good]  # what was written before


def test_a_section_cannot_take_a_name_of_the_format(tmp_path: Path) -> None:
    @section("kernel")
    class Taken(NamedTuple):
        value: U32

    with pytest.raises(PluginError, match="section kernel cannot be written as JSON: the name is taken"):
        write(tmp_path / "events.json", Event(HEADER, PROBE, {"kernel": Taken(1)}))


def test_a_run_says_when_and_where_it_was() -> None:
    about = about_run(["tracer", "collect", "-p", "a b"], [PROBE], {}, {})
    assert about.command == "tracer collect -p 'a b'"
    assert about.kernel_release == Path("/proc/sys/kernel/osrelease").read_text().strip()
    assert about.clock_offset > 0
