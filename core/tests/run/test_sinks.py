"""What a run does with batches on their way to files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from core.tests.files.arrow_samples import (
    CLASSES,
    KERNEL_PROBES,
    ONE,
    PLAN,
    TWO,
    USER,
    about,
    batch_of,
    decoded,
    plan_of,
    read,
)
from pyarrow import ipc

from tracer_core import own
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.target_files import TargetFiles
from tracer_core.kernel.recorded import RecordedKernel
from tracer_core.run.prepare import Prepared
from tracer_core.run.sinks import ArrowOutput, ArrowSink, contents
from tracer_core.testing import kernels

PREPARED = Prepared(PLAN, (), (), own.declaration(RecordedKernel(Path(kernels.__file__).parent / "6.18")))


def rows(path: Path) -> list[int]:
    """Of each batch in a file."""
    return [batch.num_rows for batch in ipc.open_stream(path)]


def test_events_that_come_before_a_second_has_passed_are_one_batch_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now = tmp_path / "f", [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    batches = [batch_of(PLAN, [ONE, TWO]), batch_of(PLAN, [USER])]
    with TargetFiles(path, is_arrow_events) as files:
        sink = ArrowSink(PREPARED, files, about(PLAN))
        for batch in batches:
            sink.take(batch)
            now[0] += 0.4
            sink.tick()
        assert rows(path) == [0]
        now[0] += 0.4
        sink.tick()
        assert rows(path) == [0, 3]
        sink.tick()
        assert rows(path) == [0, 3]
        sink.end({"lost": {}})
    assert rows(path) == [0, 3, 0]
    assert read(path, *CLASSES) == decoded(PLAN, *batches)


def test_what_waits_is_written_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "f"
    with TargetFiles(path, is_arrow_events) as files:
        sink = ArrowSink(PREPARED, files, about(PLAN))
        sink.take(batch_of(PLAN, [ONE]))
        sink.end({})
    assert rows(path) == [0, 1, 0]


def test_many_events_are_cut_into_batches_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracer_core.files.arrow.writer.ROWS", 4)
    path, batch = tmp_path / "f", batch_of(PLAN, [ONE, TWO, USER] * 3)
    with TargetFiles(path, is_arrow_events) as files:
        sink = ArrowSink(PREPARED, files, about(PLAN))
        sink.take(batch)
        assert rows(path) == [0, 4, 4, 1]
        sink.end({})
    assert read(path, *CLASSES) == decoded(PLAN, batch)


def test_columns_that_come_before_a_second_has_passed_are_one_batch_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, now = tmp_path / "f", [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    batches = [batch_of(PLAN, [ONE, TWO]), batch_of(PLAN, [USER]), batch_of(PLAN, [TWO])]
    with TargetFiles(path, is_arrow_events) as files:
        output = ArrowOutput(files, about(PLAN), contents(PREPARED))
        for batch in batches[:2]:
            output.write(ColumnDecoder(PLAN, ()).decode(batch))
            output.tick()
        assert rows(path) == [0]
        now[0] += 1.1
        output.tick()
        assert rows(path) == [0, 3]
        output.write(ColumnDecoder(PLAN, ()).decode(batches[2]))
        output.end({})
    assert rows(path) == [0, 3, 1, 0]
    assert read(path, *CLASSES) == decoded(PLAN, *batches)


def test_a_run_without_probes_in_processes_has_no_column_for_them(tmp_path: Path) -> None:
    plan = plan_of(CLASSES, KERNEL_PROBES)
    path = tmp_path / "f"
    with TargetFiles(path, is_arrow_events) as files:
        ArrowSink(Prepared(plan, (), (), PREPARED.own), files, about(plan)).end({})
    assert ipc.open_stream(path).schema.names == ["common", "kernel", "every-kind", "large", "small"]
