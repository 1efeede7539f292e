"""Parquet files of ours: as many row groups as were written, and nothing of a part."""

from __future__ import annotations

import dataclasses
import errno
import os
from typing import TYPE_CHECKING

import pytest
from core.tests.files.rotation import ABOUT, PROBE, Load, event
from pyarrow import parquet

from tracer_core.errors import RunError, UsageError
from tracer_core.events.form import form_of
from tracer_core.files.contents import Contents
from tracer_core.files.parquet import ParquetEvents, ParquetEventsReader, is_parquet_events
from tracer_core.files.target_files import TargetFiles
from tracer_core.sections import Event, Header, ProbeInfo
from tracer_core.testing.events import batch_of

if TYPE_CHECKING:
    from pathlib import Path

BATCHES = [
    [event(number) for number in range(5)],
    [],
    [event(9)._replace(header=Header(9, 0, 3, 1, 2, 3, 0, b"other"))],
    [Event(Header(11, 0, 0, None, None, None, 0, None), ProbeInfo("ip_rcv", "kprobe", "k"))],
]


def write(path: Path, batches: list[list[Event]]) -> Path:
    with TargetFiles(path, lambda _: is_parquet_events(path)) as files:
        writer = ParquetEvents(files, ABOUT, Contents((form_of(Load),)))
        for batch in batches:
            writer.write(batch_of(batch))
        assert writer.events == sum(map(len, batches))
        writer.end({"lost": {"a": 1}})
    return path


@pytest.mark.parametrize("at_once", [1, 3, 8192])
def test_events_of_all_row_groups_are_read_however_many_at_once(tmp_path: Path, at_once: int) -> None:
    path = write(tmp_path / "f.parquet", BATCHES[:3])
    assert parquet.ParquetFile(path).num_row_groups == 2
    with ParquetEventsReader(path, [Load]) as reader:
        assert reader.about == dataclasses.replace(ABOUT, sections={"load": 1})
        assert reader.end == {"lost": {"a": 1}}
        counts = [batch.count for batch in reader.batches(at_once)]
    assert max(counts) <= at_once
    with ParquetEventsReader(path, [Load]) as reader:
        assert list(reader) == [one for batch in BATCHES[:3] for one in batch]


def test_probes_that_the_run_does_not_name_are_named_by_their_events(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    named = batch_of([event(1), BATCHES[3][0]])
    with TargetFiles(path, lambda _: False) as files:
        writer = ParquetEvents(files, ABOUT, Contents((form_of(Load),)))
        writer.write(named)
        writer.end({})
    with ParquetEventsReader(path, [Load]) as reader:
        assert [one.probe for one in reader] == [PROBE, ProbeInfo("ip_rcv", "kprobe", "k")]


def test_our_own_file_is_overwritten_and_others_are_not(tmp_path: Path) -> None:
    path = write(tmp_path / "f.parquet", BATCHES[:1])
    write(path, [])
    with ParquetEventsReader(path, [Load]) as reader:
        assert list(reader) == []
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(UsageError, match="exists and is no event file of tracer"):
        write(path, [])


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_fd: int, _data: memoryview) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("tracer_core.files.target.os.write", full)
    with pytest.raises(RunError, match=r"f\.parquet: No space left on device"):
        write(tmp_path / "f.parquet", [[event(number, 4096) for number in range(100)]])
