"""``tracer convert``: event files in other formats, and nothing lost on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
from itertools import pairwise, permutations, product
from typing import TYPE_CHECKING, Any

import pytest
import retis
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.event_json import EVENT, STARTUP, USER_EVENT, events, read_lines, theirs, write_lines

from tracer_core.cli.main import run
from tracer_core.cli.options.input import Input
from tracer_core.files.events import EventSet

if TYPE_CHECKING:
    from pathlib import Path

    from tracer_core.sections import Event
    from tracer_core.testing.command import Tracer

pytestmark = pytest.mark.usefixtures("collectors_found_once")

KINDS = ("arrow", "json", "parquet")
STRANGE = {
    **EVENT,
    "strange": {"answer": 42, "deep": [{"a": None}]},
    "skb": {**EVENT["skb"], "more": [1], "meta": {**EVENT["skb"]["meta"], "more": 2.5}},
}
SAMPLES: list[Any] = [
    EVENT,
    USER_EVENT,
    STRANGE,
    {"common": {"timestamp": 3}, "kernel": {"symbol": "a", "probe_type": "kprobe", "stack_trace": ["a+0x1", "b+0x2"]}},
    {"common": {"timestamp": 4, "smp_id": 0}},
    {**USER_EVENT, "stack": {"size": 8, "frames": ["main+0x4"]}},
    {"common": {"timestamp": 5}, "kernel": {"symbol": "", "probe_type": "kprobe"}},
    {**USER_EVENT, "userspace": {**USER_EVENT["userspace"], "symbol": "", "path": ""}},
    {"common": {"timestamp": 5}, "stack": {"size": 8, "frames": ["main+0x4"]}},
]


@pytest.fixture(scope="module")
def known() -> list[type[Any]]:
    """The sections of the installed collectors."""
    return Input().sections()


def opened(path: Path, known: list[type[Any]]) -> list[Event]:
    with EventSet(path, known) as found:
        return [event for batch in found.batches() for event in _events(batch)]


def _events(batch: Any) -> list[Event]:  # noqa: ANN401 - a batch
    from tracer_core.events.objects import events_of

    return events_of(batch)


def converted(*paths: Path) -> Path:
    """The last of these files, each made of the one before."""
    for source, target in pairwise(paths):
        assert run(["convert", str(source), str(target)]) == 0
    return paths[-1]


@settings(max_examples=40)
@given(found=st.lists(events(), max_size=6), kind=st.sampled_from(["arrow", "parquet"]))
def test_json_that_became_a_table_and_json_again_is_what_it_was(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any], kind: str
) -> None:
    folder = tmp_path_factory.mktemp("convert")
    source = write_lines(folder / "in.json", found)
    assert read_lines(converted(source, folder / f"table.{kind}", folder / "out.json")) == found


@settings(max_examples=30)
@given(found=st.lists(events(), max_size=6), kind=st.sampled_from(["json", "parquet"]))
def test_events_of_an_arrow_file_that_was_something_else_for_a_while_are_the_same(
    tmp_path_factory: pytest.TempPathFactory, known: list[type[Any]], found: list[Any], kind: str
) -> None:
    folder = tmp_path_factory.mktemp("convert")
    arrow = converted(write_lines(folder / "in.json", found), folder / "in.arrow")
    again = converted(arrow, folder / f"between.{kind}", folder / "out.arrow")
    assert opened(again, known) == opened(arrow, known) == opened(folder / "in.json", known)


@settings(max_examples=30)
@given(
    found=st.lists(st.lists(events(), min_size=1, max_size=3), max_size=4), kind=st.sampled_from(["arrow", "parquet"])
)
def test_the_series_of_a_sorted_file_are_kept(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any], kind: str
) -> None:
    folder = tmp_path_factory.mktemp("convert")
    source = write_lines(folder / "in.json", found, [STARTUP])
    out = converted(source, folder / f"table.{kind}", folder / "out.json")
    assert read_lines(out) == found
    assert isinstance(json.loads(out.read_text().splitlines()[0]), list)


@pytest.mark.parametrize(("source", "target"), list(product(KINDS, KINDS)))
def test_the_command_converts_each_format_to_each(tracer: Tracer, tmp_path: Path, source: str, target: str) -> None:
    first = write_lines(tmp_path / "first.json", SAMPLES)
    given = converted(first, tmp_path / f"in.{source}")
    result = tracer.run("convert", str(given), str(tmp_path / f"out.{target}"))
    assert (result.returncode, result.stdout) == (0, "")
    assert result.stderr == f"{len(SAMPLES)} event(s) written to {tmp_path / f'out.{target}'}\n"
    assert read_lines(converted(tmp_path / f"out.{target}", tmp_path / "last.json")) == SAMPLES


@settings(max_examples=40)
@given(found=st.lists(theirs(), min_size=1, max_size=8), kind=st.sampled_from(["arrow", "parquet"]))
def test_retis_reads_what_became_of_its_files_and_shows_the_same(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any], kind: str
) -> None:
    folder = tmp_path_factory.mktemp("convert")
    source = write_lines(folder / "in.json", found)
    out = converted(source, folder / f"table.{kind}", folder / "out.json")
    _, *before = retis.EventReader(str(source))
    _, *after = retis.EventReader(str(out))
    assert list(map(str, after)) == list(map(str, before))
    assert [event.to_dict() for event in after] == [event.to_dict() for event in before]


@settings(max_examples=40)
@given(found=st.lists(theirs(), min_size=1, max_size=8))
def test_a_file_of_retis_has_the_text_that_retis_shows(
    tmp_path_factory: pytest.TempPathFactory, found: list[Any]
) -> None:
    path = write_lines(tmp_path_factory.mktemp("print") / "in.json", found)
    with contextlib.redirect_stdout(io.StringIO()) as ours:
        assert run(["print", str(path)]) == 0
    assert ours.getvalue() == "".join(f"{event}\n\n" for event in retis.EventReader(str(path))).replace(
        "retis pcap", "tracer pcap"
    )


@pytest.mark.parametrize(("source", "target"), list(permutations(KINDS, 2)))
def test_a_file_says_who_recorded_it_whatever_it_was_converted_to(
    tmp_path: Path, known: list[type[Any]], source: str, target: str
) -> None:
    first = write_lines(tmp_path / "first.json", SAMPLES)
    last = converted(first, tmp_path / f"in.{source}", tmp_path / f"out.{target}")
    with EventSet(first, known) as before, EventSet(last, known) as after:
        assert dataclasses.replace(after.about, sections={}) == before.about
        assert after.about.writer == "Retis v1.7.0"


def test_how_a_run_ended_is_kept(tmp_path: Path, known: list[type[Any]]) -> None:
    end = {"common": {"timestamp": 9}, "tracer": {"end": {"lost": {"a": 3}, "missed": []}}}
    source = write_lines(tmp_path / "in.json", [*SAMPLES, end])
    for kind in KINDS:
        with EventSet(converted(source, tmp_path / f"out.{kind}"), known) as found:
            assert sum(batch.count for batch in found.batches()) == len(SAMPLES)
            assert found.end == {"lost": {"a": 3}, "missed": []}


def test_what_was_converted_is_overwritten_when_it_is_converted_again(tmp_path: Path) -> None:
    source = write_lines(tmp_path / "in.json", SAMPLES)
    for kind in KINDS:
        for _ in range(2):
            converted(source, tmp_path / f"out.{kind}")


def test_files_of_several_runs_become_json_and_nothing_that_holds_one_run(tmp_path: Path, tracer: Tracer) -> None:
    other = {**STARTUP, "startup": {**STARTUP["startup"], "cmdline": "retis collect -c skb"}}
    source = write_lines(tmp_path / "in.json", [EVENT, other, USER_EVENT])
    lines = read_lines(converted(source, tmp_path / "out.json"))
    assert [lines[0], lines[2]] == [EVENT, USER_EVENT]
    assert lines[1]["startup"]["cmdline"] == "retis collect -c skb"
    for kind in ("arrow", "parquet"):
        result = tracer.run("convert", str(source), str(tmp_path / f"out.{kind}"))
        assert result.returncode == 1
        assert result.stderr.count("\n") == 1
        assert "holds the events of one run, and retis collect -c skb is another" in result.stderr


def test_a_file_is_not_converted_to_itself(tmp_path: Path, tracer: Tracer) -> None:
    source = write_lines(tmp_path / "in.json", SAMPLES)
    (tmp_path / "link.json").symlink_to(source)
    before = source.read_bytes()
    for target in ("in.json", "link.json"):
        result = tracer.run("convert", str(source), str(tmp_path / target))
        assert result.returncode == 2
        assert "is both what is read and what is written" in result.stderr
    assert source.read_bytes() == before


@pytest.mark.parametrize("kind", KINDS)
def test_all_before_a_damage_is_converted_and_the_new_file_says_that_it_is_not_all(
    tmp_path: Path, tracer: Tracer, kind: str
) -> None:
    source = write_lines(tmp_path / "in.json", SAMPLES)
    with source.open("a") as file:
        file.write("{broken\n")
    target = tmp_path / f"out.{kind}"
    result = tracer.run("convert", str(source), str(target))
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"Error: {source}, line {len(SAMPLES) + 2}: it is no JSON")
    printed = tracer.run("print", str(target), "--format", "single-line")
    assert printed.stdout.count("\n") == 1 + len(SAMPLES)
    assert f"{target}: the run was stopped, and what came then is not in it: {source}, line" in printed.stderr
