"""Files that are no JSON lines of ours, or not whole: what is read of them, and what is said."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
from core.tests.files.json_samples import HEADER, PROBE, SECTIONS, lines, read, write
from hypothesis import given, settings
from hypothesis import strategies as st

from tracer_core.errors import RunError, UsageError
from tracer_core.events.about import About
from tracer_core.files.json.reader import JsonLinesReader
from tracer_core.files.json.writer import is_json_lines
from tracer_core.files.target import open_target
from tracer_core.sections import Event, Header, Packet, ProbeInfo


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
