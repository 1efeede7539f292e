"""Arrow files of ours in the tools that people have, opened as the reference page says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars  # noqa: F401 - changes the environment, so not within a test
import pytest
from core.tests.files.arrow_samples import (
    EveryKind,
    Large,
    Sent,
    Small,
    about,
    batch_of,
    begin,
    contents,
    plan_of,
    write,
)
from pyarrow import ipc

from tracer_core.decode.columns import ColumnDecoder
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.parquet import ParquetEvents
from tracer_core.files.target_files import TargetFiles

if TYPE_CHECKING:
    from pathlib import Path

    from scripts.pages.blocks import Block

PLAN = plan_of((EveryKind, Large, Small))
BATCHES = [
    batch_of(PLAN, [Sent(17, 0, b"ping", (bytes(28), b"", None), b"packet"), Sent(18, 1, b"nc", (None, None, None))]),
    batch_of(PLAN, [Sent(2**64 - 1, 2, b"daemon", (None, b"", b"\3\4"), b"")]),
]


def opened(shown: tuple[Block, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401 - a table of any tool
    """What the lines of the page that open a file give, run in a folder."""
    (block,) = shown
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {}
    exec(block.text, names)  # noqa: S102 - of our own page
    return names[block.lines[-1].partition(" = ")[0]]


@pytest.fixture(params=["ended", "killed"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Where a file of two batches is; that of a killed run has neither our end nor that of the stream."""
    path = tmp_path / "events.arrow"
    if request.param == "ended":
        write(path, PLAN, *BATCHES)
        return tmp_path
    with TargetFiles(path, is_arrow_events) as files:
        begin(files, PLAN, *BATCHES)
    return tmp_path


def test_pyarrow_opens_it(folder: Path, monkeypatch: pytest.MonkeyPatch, shown: tuple[Block, ...]) -> None:
    rows = opened(shown, folder, monkeypatch).to_pylist()
    task = {"pid": 10, "tgid": 11, "comm": "daemon"}
    assert rows[2]["common"] == {"timestamp": 2**64 - 1, "smp_id": 1, "task": task, "lost": 3, "probe": 2}
    assert rows[2]["userspace"] == {"symbol": "main::run", "probe_type": "usdt", "path": "/bin/d", "ip": None}
    assert [row["kernel"] and row["kernel"]["symbol"] for row in rows] == ["net:one", "net:two", None]
    assert [row["large"] and row["large"]["data"] for row in rows] == [b"packet", None, b""]
    assert [row["small"] for row in rows] == [None, None, {"value": 0x0403}]


def test_polars_opens_it(folder: Path, monkeypatch: pytest.MonkeyPatch, shown: tuple[Block, ...]) -> None:
    frame = opened(shown, folder, monkeypatch)
    task = frame["common"].struct.field("task").struct.field("comm")
    assert task.to_list() == ["ping", "nc", "daemon"]
    assert frame["common"].struct.field("timestamp").to_list() == [17, 18, 2**64 - 1]
    assert frame["kernel"].struct.field("probe_type").to_list() == ["raw_tracepoint", "raw_tracepoint", None]
    assert frame["large"].struct.field("data").to_list() == [b"packet", None, b""]
    assert frame["every-kind"].is_null().to_list() == [False, True, True]


def test_duckdb_opens_it_through_pyarrow(
    folder: Path, monkeypatch: pytest.MonkeyPatch, shown: tuple[Block, ...]
) -> None:
    counts = opened(shown, folder, monkeypatch).fetchall()
    assert sorted(counts, key=str) == [("net:one", 1), ("net:two", 1), (None, 1)]
    events = ipc.open_stream(folder / "events.arrow")  # noqa: F841 - the query finds it by its name
    rows = duckdb.sql("select common.task.comm, large.data, small is null from events")
    assert rows is not None
    assert rows.fetchall() == [("ping", b"packet", True), ("nc", None, True), ("daemon", b"", False)]


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """Where a Parquet file of two row groups is."""
    with TargetFiles(tmp_path / "events.parquet", lambda _: False) as files:
        writer = ParquetEvents(files, about(PLAN), contents(PLAN))
        for batch in BATCHES:
            writer.write(ColumnDecoder(PLAN, ()).decode(batch))
        writer.end({})
    return tmp_path


def test_polars_opens_a_parquet_file(tables: Path, monkeypatch: pytest.MonkeyPatch, shown: tuple[Block, ...]) -> None:
    frame = opened(shown, tables, monkeypatch)
    assert frame["common"].struct.field("timestamp").to_list() == [17, 18, 2**64 - 1]
    assert frame["common"].struct.field("task").struct.field("comm").to_list() == ["ping", "nc", "daemon"]
    assert frame["large"].struct.field("data").to_list() == [b"packet", None, b""]


def test_duckdb_opens_a_parquet_file(tables: Path) -> None:
    rows = duckdb.read_parquet(str(tables / "events.parquet")).project("common.task.comm, large.data, small is null")
    assert rows.fetchall() == [("ping", b"packet", True), ("nc", None, True), ("daemon", b"", False)]
