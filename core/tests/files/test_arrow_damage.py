"""Files that are no Arrow files of ours, or not whole: what is read of them, and what is said."""

from __future__ import annotations

import errno
import io
import logging
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from core.tests.files.arrow_samples import (
    CLASSES,
    ONE,
    PLAN,
    TWO,
    USER,
    any_file,
    batch_of,
    begin,
    decoded,
    read,
    write,
)
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import RunError, TracerError, UsageError
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.target_files import TargetFiles


def events_or_error(path: Path) -> list[Any]:
    """The events of a file, or its name if it was refused with an error that says so."""
    try:
        return read(path, *CLASSES)
    except TracerError as error:
        return [str(path)] if str(path) in error.message else [error]


def test_a_file_cut_anywhere_gives_its_whole_batches_and_says_that_it_is_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    batches = [batch_of(PLAN, [ONE, TWO]), batch_of(PLAN, [USER] * 3)]
    with TargetFiles(tmp_path / "f", is_arrow_events) as files:
        file, ends = begin(files, PLAN), []
        begins = files.target.written
        for batch in batches:
            file.write(ColumnDecoder(PLAN, ()).decode(batch))
            ends.append(files.target.written)
        file.end({})
    whole, events = (tmp_path / "f").read_bytes(), decoded(PLAN, *batches)
    eos = len(whole) - 8
    near = {border + distance for border in (*ends, eos) for distance in range(-12, 12)}
    for size in sorted({size for size in near if begins <= size < eos}.union(range(begins, eos, 61))):
        (tmp_path / "cut").write_bytes(whole[:size])
        caplog.clear()
        with ArrowEventsReader(tmp_path / "cut", CLASSES) as reader:
            assert list(reader) == events[: 2 * (size >= ends[0]) + 3 * (size >= ends[1])], size
            assert not reader.whole
        assert f"ends early, at byte {size}" in caplog.text
    for size in range(1, begins, 61):
        (tmp_path / "cut").write_bytes(whole[:size])
        assert events_or_error(tmp_path / "cut") in ([], [str(tmp_path / "cut")])
    for size in range(eos, len(whole) + 1):
        (tmp_path / "cut").write_bytes(whole[:size])
        with ArrowEventsReader(tmp_path / "cut", CLASSES) as reader:
            assert list(reader) == events
            assert reader.whole


@any_file
@given(st.data())
def test_a_damaged_file_gives_events_or_a_clear_error(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "damaged"
    if not path.exists():
        write(path, PLAN, batch_of(PLAN, [ONE, TWO]), batch_of(PLAN, [USER]))
        (tmp_path / "good").write_bytes(path.read_bytes())
    damaged = bytearray((tmp_path / "good").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(damaged)
    assert not any(isinstance(found, Exception) for found in events_or_error(path))


def stream(metadata: dict[str, str] | None) -> bytes:
    buffer = io.BytesIO()
    with ipc.new_stream(buffer, pa.schema([("a", pa.int8())], metadata)):
        pass
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b'{"common":{}}\n', "is no event file: it is no Arrow stream"),
        (b"ARROW1\0\0", "is no event file: it is no Arrow stream"),
        (b"PAR1", "is no event file: it is no Arrow stream"),
        (bytes(100), "is no event file: it is no Arrow stream"),
        (b"\xff\xff\xff\xff\x10", "is no event file: it is no Arrow stream"),
        (stream(None), "is no event file: tracer did not write it"),
        (stream({"tracer": "{}", "tracer.format": "2"}), "has version 2 of the format, and this tracer reads up to 1"),
        (stream({"tracer": "{}", "tracer.format": "one"}), "in its schema: version 'one' is no number"),
        (stream({"tracer": "{}", "tracer.format": "1"}), "in its schema: there is no 'sections'"),
    ],
)
def test_other_files_are_refused_with_what_they_are(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "other").write_bytes(content)
    with pytest.raises(RunError) as caught:
        ArrowEventsReader(tmp_path / "other", ())
    assert caught.value.message.startswith(str(tmp_path / "other"))
    assert said in caught.value.message


@pytest.mark.parametrize("name", ["gone", "."])
def test_what_cannot_be_opened_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="cannot read"):
        ArrowEventsReader(tmp_path / name, ())


def test_a_full_disk_leaves_whole_batches_and_says_how_many_events(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    batch, path = batch_of(PLAN, [ONE, TWO]), tmp_path / "f"
    with TargetFiles(path, is_arrow_events) as files:
        file = begin(files, PLAN, batch)
        size, write_some = files.target.written, os.write

        def full(fd: int, data: memoryview) -> int:
            left = size + 100 - os.fstat(fd).st_size
            if not left:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write_some(fd, data[:left])

        monkeypatch.setattr("tracer_core.files.target.os.write", full)
        with pytest.raises(RunError, match=r"f: No space left on device, after 2 event\(s\)"):
            file.write(ColumnDecoder(PLAN, ()).decode(batch))
        monkeypatch.undo()
    assert path.stat().st_size == size
    assert ipc.open_stream(path).read_all().num_rows == 2  # others read it, too
    caplog.set_level(logging.WARNING)
    assert read(path, *CLASSES) == decoded(PLAN, batch)
    assert "the 2 events before are whole" in caplog.text


def test_files_of_ours_are_overwritten_and_others_are_not(tmp_path: Path) -> None:
    path = write(tmp_path / "f", PLAN, batch_of(PLAN, [ONE] * 9))
    write(path, PLAN, batch_of(PLAN, [TWO]))
    assert len(read(path)) == 1
    (tmp_path / "other").write_bytes(stream({"tracer": "no"}))
    with pytest.raises(UsageError, match="exists and is no event file"):
        write(tmp_path / "other", PLAN)
    assert (tmp_path / "other").read_bytes() == stream({"tracer": "no"})
