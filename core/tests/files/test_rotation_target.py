"""What a set of files may take the place of, and what it leaves alone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from core.tests.files.rotation import (
    ALL,
    LIMIT,
    MANY,
    OURS,
    begin,
    event,
    files_of,
    kinds,
    read,
    write,
)

from tracer_core.errors import UsageError
from tracer_core.files.target_files import TargetFiles
from tracer_core.testing.events import batch_of


@kinds
def test_a_set_of_ours_is_replaced_as_a_whole(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"events.{kind}"
    write(path, MANY, limit=LIMIT)
    assert len(files_of(path)) > 3
    write(path, [[event(1)]], limit=LIMIT)
    assert [file.suffix for file in files_of(path)] == [".0"]
    assert len(read(files_of(path)[0])) == 1


@kinds
@pytest.mark.parametrize("foreign", ["a file", "a folder", "a link", "another kind"])
def test_what_is_not_ours_among_them_is_refused_and_nothing_has_changed(
    tmp_path: Path, kind: str, foreign: str
) -> None:
    path = tmp_path / f"events.{kind}"
    write(path, MANY, limit=LIMIT)
    third = tmp_path / f"events.{kind}.3"
    third.unlink()
    (tmp_path / "precious").write_text("precious")
    match foreign:
        case "a file":
            third.write_text("precious")
        case "a folder":
            third.mkdir()
        case "a link":
            third.symlink_to(tmp_path / "precious")
        case _:
            write(third.with_suffix(".arrow" if kind == "json" else ".json"), [], limit=0)
            third.with_suffix(".arrow" if kind == "json" else ".json").rename(third)
    before = {file.name: file.read_bytes() if file.is_file() else b"" for file in tmp_path.iterdir()}
    with pytest.raises(UsageError, match=rf"events\.{kind}\.3 exists and is no event file of tracer; remove it"):
        write(path, MANY, limit=LIMIT)
    assert {file.name: file.read_bytes() if file.is_file() else b"" for file in tmp_path.iterdir()} == before


@kinds
def test_files_with_other_names_stay(tmp_path: Path, kind: str) -> None:
    names = [f"events.{kind}.bak", f"events.{kind}.", f"events.{kind}.1a", f"events.{kind}.-1", f"event.{kind}.0"]
    for name in names:
        (tmp_path / name).write_text("precious")
    write(tmp_path / f"events.{kind}", MANY, limit=LIMIT)
    assert all((tmp_path / name).read_text() == "precious" for name in names)


@kinds
def test_two_runs_do_not_write_one_set(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"events.{kind}"
    with TargetFiles(path, OURS[kind], limit=LIMIT) as files:
        writer = begin(files, kind)
        for batch in MANY:
            writer.write(batch_of(batch))
        before = files_of(path)
        with pytest.raises(UsageError, match="another run is writing it"):
            write(path, MANY, limit=LIMIT)
        assert files_of(path) == before
        writer.end({})
    assert read(files_of(path)[0], follow=True) == ALL


@pytest.mark.parametrize("kind", ["a pipe", "a folder"])
def test_what_cannot_be_renamed_is_no_target_of_a_set(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "events.json"
    if kind == "a pipe":
        os.mkfifo(path)
    else:
        path.mkdir()
    with pytest.raises(UsageError, match="it is no regular file"):
        write(path, MANY, limit=LIMIT)
    assert path.exists()
