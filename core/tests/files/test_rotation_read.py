"""Which files are read as one set, and which alone."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
from core.tests.files.rotation import (
    ABOUT,
    ALL,
    LIMIT,
    MANY,
    OURS,
    another,
    begin,
    files_of,
    kinds,
    read,
    write,
    write_all,
)

from tracer_core.errors import RunError
from tracer_core.files.events import EventSet
from tracer_core.files.target_files import TargetFiles


@kinds
def test_the_file_that_has_no_number_yet_is_the_last_of_a_set(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"events.{kind}"
    with TargetFiles(path, OURS[kind], limit=LIMIT) as files:
        write_all(begin(files, kind))  # and goes on, or is killed
        assert read(files_of(path)[0], follow=True) == ALL
    last = files_of(path)[-1]
    expected = [one for file in files_of(path)[:-1] for one in read(file)]
    last.unlink()
    for other in (b"{}", b""):
        path.write_bytes(other)  # somebody else's
        assert read(files_of(path)[0], follow=True) == expected
    path.unlink()
    write(path, MANY, limit=0)  # a run without a limit
    assert read(files_of(path)[0], follow=True) == expected


@kinds
def test_a_file_that_was_named_alone_is_read_alone(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"events.{kind}", MANY, limit=LIMIT)
    files = files_of(tmp_path / f"events.{kind}")
    apart = [read(file) for file in files]
    assert all(apart)
    assert sum(map(len, apart)) == 1000
    assert read(files[2], follow=True) == [one for events in apart[2:] for one in events]


@kinds
def test_a_set_ends_where_one_is_missing(tmp_path: Path, kind: str) -> None:
    write(tmp_path / f"events.{kind}", MANY, limit=LIMIT)
    files = files_of(tmp_path / f"events.{kind}")
    expected = [one for file in files[:2] for one in read(file)]
    files[2].unlink()
    assert read(files[0], follow=True) == expected


@kinds
@pytest.mark.parametrize("what", ["another run", "another limit", "another number", "an earlier start"])
def test_a_file_that_is_left_of_another_run_is_not_read(
    tmp_path: Path, kind: str, what: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / f"events.{kind}", MANY, limit=LIMIT, facts={"lost": {"a": 1}})
    write(
        tmp_path / f"other.{kind}",
        MANY,
        limit=LIMIT + (what == "another limit"),
        about=another() if what == "another run" else ABOUT,
    )
    files = files_of(tmp_path / f"events.{kind}")
    number = {"another number": 1, "an earlier start": 0}.get(what, 2)
    for late in files[2:]:
        late.unlink()
    (tmp_path / f"other.{kind}.{number}").rename(files[2])
    caplog.set_level(logging.WARNING)
    expected = [one for file in files[:2] for one in read(file)]
    caplog.clear()
    assert read(files[0], follow=True) == expected
    assert f"{files[2]} is of another run than {files[1]}: it is left out" in caplog.text


@kinds
@pytest.mark.parametrize("name", ["renamed", "events.{}.7", "events.{}"])
def test_a_file_under_another_name_is_read_alone_and_that_is_told(
    tmp_path: Path, kind: str, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path / f"events.{kind}", MANY, limit=LIMIT)
    files = files_of(tmp_path / f"events.{kind}")
    expected = read(files[0])
    path = files[0].rename(tmp_path / name.format(kind))
    caplog.clear()
    assert read(path, follow=True) == expected
    assert f"{path}: its name does not end in .0, its number in its set: it is read alone" in caplog.text


def test_a_damaged_file_in_a_set_is_an_error_behind_the_events_before_it(tmp_path: Path) -> None:
    write(tmp_path / "events.json", MANY, limit=LIMIT)
    files = files_of(tmp_path / "events.json")
    expected = sum(len(read(file)) for file in files[:2])
    files[2].write_text("{broken")
    seen: list[int] = []
    with EventSet(files[0], [], follow=True) as found, pytest.raises(RunError, match=r"events\.json\.2, line 1"):
        seen.extend(batch.count for batch in found.batches())
    assert sum(seen) == expected
