"""Files that take turns: no file is larger than the limit, and none of the events is lost between two."""

from __future__ import annotations

import errno
import os
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from core.tests.files.rotation import (
    ALL,
    LIMIT,
    MANY,
    OURS,
    about_of,
    begin,
    event,
    files_of,
    kinds,
    read,
    write,
    write_all,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tracer_core.errors import RunError
from tracer_core.events.about import Split
from tracer_core.files.events import EventSet
from tracer_core.files.target_files import TargetFiles
from tracer_core.testing.events import batch_of

FACTS = {"lost": {f"tp:net:{'x' * 60}{number}": number for number in range(120)}}  # 10 KB


@kinds
@settings(max_examples=25)
@given(
    sizes=st.lists(st.lists(st.integers(0, 4096), max_size=12), max_size=12),
    limit=st.integers(14_000, 40_000),  # a file of no events and all of the facts takes 13,040
    facts=st.sampled_from([{}, FACTS]),
)
@example(sizes=[[0], [0], [0]], limit=17_256, facts=FACTS)  # the end has dictionaries, too
def test_no_file_is_larger_than_the_limit_and_all_events_are_in_one(
    tmp_path_factory: pytest.TempPathFactory, kind: str, sizes: list[list[int]], limit: int, facts: dict[str, Any]
) -> None:
    path = tmp_path_factory.mktemp("set") / f"events.{kind}"
    batches = [[event(100 * at + index, size) for index, size in enumerate(some)] for at, some in enumerate(sizes)]
    count = write(path, batches, limit=limit, facts=facts)
    files = files_of(path)
    assert not path.exists()
    assert [file.name for file in files] == [f"events.{kind}.{number}" for number in range(count)]
    assert all(file.stat().st_size <= limit for file in files)
    assert [about_of(file).split for file in files] == [Split(number, limit) for number in range(count)]
    assert read(files[0], follow=True) == [one for batch in batches for one in batch]
    with EventSet(files[-1], []) as last:
        list(last.batches())
        assert last.end == facts


@kinds
@settings(max_examples=25)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=40))
def test_a_series_is_not_cut_where_a_file_ends(
    tmp_path_factory: pytest.TempPathFactory, kind: str, lengths: list[int]
) -> None:
    path = tmp_path_factory.mktemp("set") / f"events.{kind}"
    series = [number for number, length in enumerate(lengths) for _ in range(length)]
    events = [event(number, 500) for number in range(len(series))]
    with TargetFiles(path, OURS[kind], limit=LIMIT) as files:
        writer = begin(files, kind, is_sorted=True)
        writer.write(batch_of(events, series))
        writer.end({})
    found = [[one.header.timestamp - 1000 for one in read(file)] for file in files_of(path)]
    assert [number for some in found for number in some] == list(range(len(series)))
    for before, after in pairwise(found):
        assert series[before[-1]] != series[after[0]]


@kinds
def test_an_event_that_no_file_has_room_for_is_alone_in_one(tmp_path: Path, kind: str) -> None:
    path, limit = tmp_path / f"events.{kind}", {"json": 5_000, "arrow": 7_000}[kind]
    batch = [event(1, 10), event(2, 4096), event(3, 10)]
    write(path, [batch], limit=limit)
    files = files_of(path)
    assert [[one.header.timestamp for one in read(file)] for file in files] == [[1001], [1002], [1003]]
    assert [file.stat().st_size > limit for file in files] == [False, True, False]


@kinds
def test_files_that_are_written_are_at_least_half_full(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"events.{kind}"
    write(path, MANY, limit=100_000)
    *full, _ = files_of(path)
    assert len(full) >= 1
    assert all(file.stat().st_size > 50_000 for file in full)


@kinds
@pytest.mark.parametrize("keep", [1, 2, 5])
def test_the_newest_files_are_kept(tmp_path: Path, kind: str, keep: int) -> None:
    path = tmp_path / f"events.{kind}"
    whole = write(tmp_path / f"all.{kind}", MANY, limit=LIMIT)
    assert write(path, MANY, limit=LIMIT, count=keep) == keep
    files = files_of(path)
    assert [file.suffix for file in files] == [f".{number}" for number in range(whole - keep, whole)]
    assert all(file.stat().st_size <= LIMIT for file in files)
    found = read(files[0], follow=True)
    assert found == ALL[-len(found) :]


@kinds
def test_while_it_is_written_the_newest_file_has_the_name_that_was_given(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"events.{kind}"
    with TargetFiles(path, OURS[kind], limit=LIMIT) as files:
        writer = begin(files, kind)
        for batch in MANY:
            writer.write(batch_of(batch))
            assert path.stat().st_size == files.target.written <= LIMIT
            assert len(files_of(path)) == files.files - 1
        before = len(files_of(path))
    assert len(files_of(path)) == before + 1


@kinds
def test_a_file_that_cannot_be_renamed_is_whole_and_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    path = tmp_path / f"events.{kind}"

    def refuse(_path: Path, _target: Path) -> None:
        raise OSError(errno.EACCES, os.strerror(errno.EACCES))

    with TargetFiles(path, OURS[kind], limit=LIMIT) as files:
        writer = begin(files, kind)
        writer.write(batch_of(MANY[0][:50]))
        monkeypatch.setattr(Path, "rename", refuse)
        with pytest.raises(RunError, match=r"cannot rename .*: Permission denied; it is whole under that name"):
            write_all(writer)
        for _ in range(2):  # not even another attempt harms it
            with pytest.raises(RunError, match="it is closed"):
                writer.write(batch_of(MANY[0]))
        with pytest.raises(RunError, match="it is closed"):
            writer.end({"stopped": "it could not be renamed"})
    found = read(path)
    assert len(found) >= 50
    assert found == [*MANY[0][:50], *ALL][: len(found)]


@kinds
def test_a_full_disk_leaves_whole_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    path, write_some, room = tmp_path / f"events.{kind}", os.write, 90_000

    def full(fd: int, data: memoryview) -> int:
        nonlocal room
        done = write_some(fd, data[: max(0, room)]) if room > 0 else 0
        room -= done
        if not done:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return done

    monkeypatch.setattr("tracer_core.files.target.os.write", full)
    with TargetFiles(path, OURS[kind], limit=LIMIT) as targets:
        writer = begin(targets, kind)
        with pytest.raises(RunError, match=r"No space left on device, after \d+ event\(s\)"):
            write_all(writer)
        monkeypatch.undo()
        writer.end({"stopped": "the disk was full"})  # for this there is room
    files = files_of(path)
    assert len(files) > 3
    assert not path.exists()
    found = read(files[0], follow=True)
    assert found == ALL[: len(found)]
    assert len(found) == writer.events > 200
    with EventSet(files[-1], []) as last:
        list(last.batches())
        assert last.end == {"stopped": "the disk was full"}
