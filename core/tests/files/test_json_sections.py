"""Sections in JSON lines that are unknown, of another version, or not what they declare to be."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

import pytest
from core.tests.files.json_samples import ABOUT, HEADER, PROBE, lines, read, write

from tracer_core.errors import PluginError
from tracer_core.events.form import UnknownSection
from tracer_core.files.json.writer import JsonLines, is_json_lines
from tracer_core.files.target_files import TargetFiles
from tracer_core.sections import Event, Packet
from tracer_core.testing.events import batch_of
from tracer_core.wire import U32, section


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
