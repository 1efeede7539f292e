from __future__ import annotations

import errno
import io
import json
import logging
import os
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pyarrow as pa
import pytest
from core.tests.files.arrow_samples import (
    CLASSES,
    KERNEL_PROBES,
    ONE,
    PLAN,
    PROBES,
    TWO,
    USER,
    Large,
    Sent,
    about,
    batch_of,
    begin,
    declaration,
    decoded,
    plan_of,
    read,
    write,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc

from tracer_core.decode.columns import ColumnDecoder
from tracer_core.errors import PluginError, RunError, TracerError, UsageError
from tracer_core.events.form import UnknownSection
from tracer_core.files.arrow.form import escape, unescape
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.files.arrow.schema import MARK, META, is_arrow_events
from tracer_core.files.target_files import TargetFiles
from tracer_core.plan.plan import Plan
from tracer_core.types import Columns, Decoder
from tracer_core.wire import U32, Blob, Chars, Scalar, layout_of, section

any_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@st.composite
def plans_and_records(draw: st.DrawFn) -> tuple[Plan, list[list[Sent]]]:
    plan = plan_of(draw(st.permutations(CLASSES))[: draw(st.integers(0, 3))])
    fixed = st.tuples(
        *(st.none() | st.binary(min_size=s.layout.packed_size, max_size=s.layout.packed_size) for s in plan.sections)
    )
    comm = st.sampled_from([b"", b"ping", b"a\\b", b"\\x41", b"\xff\xfe", "é".encode(), b"in\0side"]) | st.binary(
        max_size=16
    )
    sent = st.builds(
        Sent, st.integers(0, 2**64 - 1), st.integers(0, len(PROBES) - 1), comm, fixed, st.binary(max_size=200)
    )
    return plan, draw(st.lists(st.lists(sent, max_size=8), max_size=3))


@any_file
@given(plans_and_records())
def test_events_read_are_those_that_would_have_been_shown(tmp_path: Path, drawn: tuple[Plan, list[list[Sent]]]) -> None:
    plan, sent = drawn
    batches = [batch_of(plan, some) for some in sent]
    path = write(tmp_path / "events.arrow", plan, *batches)
    assert read(path, *CLASSES) == decoded(plan, *batches)


def test_a_file_says_what_run_it_is_of_and_how_that_ended(tmp_path: Path) -> None:
    path = write(tmp_path / "f", PLAN, batch_of(PLAN, [ONE]))
    with ArrowEventsReader(path, ()) as reader:
        expected = about(PLAN)
        assert abs(reader.about.clock_offset - expected.clock_offset) < 10**9
        assert (reader.about.command, reader.about.kernel_release) == ("tracer collect", os.uname().release)
        assert (reader.about.probes, reader.about.collectors) == (expected.probes, {"demo": "tracer-demo 1"})
        assert reader.about.sections == {"every-kind": 2, "large": 1, "small": 1}
        assert not reader.whole
        assert len(list(reader)) == 1
        assert (reader.whole, reader.end) == (True, {"lost": {"net:one": 2}})


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


def test_sections_that_nobody_knows_come_with_their_names_and_values(tmp_path: Path) -> None:
    @section("small", version=2)
    class Newer(NamedTuple):
        value: U32

    @section("large")
    class Longer(NamedTuple):
        size: U32
        more: U32

    path = write(tmp_path / "f", PLAN, batch_of(PLAN, [ONE]))
    (event,) = read(path, Newer, Longer)
    found: Any = event.sections
    assert all(isinstance(found[name], UnknownSection) for name in ("small", "large", "every-kind"))
    assert found["small"]._asdict() == {"value": 0x0201}
    assert found["large"]._asdict() == {"size": 6, "data": b"packet"}
    assert found["every-kind"]._asdict()["name"] == bytes(range(23, 28))


@section("shown")
class Shown(NamedTuple):
    """What decoders make of fields."""

    reason: Annotated[str, Scalar("u32", "<u4", 4)]
    flag: Annotated[bool, Scalar("u8", "u1", 1)]
    maybe: Annotated[int | None, Scalar("u32", "<u4", 4)]
    ratio: Annotated[float, Scalar("u32", "<u4", 4)]
    device: Annotated[str, Chars(16)]
    bare: Annotated[bytes, Chars(3)]
    size: U32
    frames: Annotated[tuple[str, ...], Blob(64, "size")]


SHOWN: dict[str, list[Any]] = {
    "reason": ["no socket", "no route"],
    "flag": [True, False],
    "maybe": [None, 7],
    "ratio": [0.5, 1.5],
    "device": ["eth0", "\N{SNOWMAN}"],
    "bare": [b"a", b"\xff\\"],
    "size": [3, 4],
    "frames": [(), ("ip_rcv+0x0", "é")],
}
SHOWN_SENT = [
    Sent(1, 0, b"x", (bytes(36),), b"abc"),
    Sent(2, 0, b"x", (None,)),
    Sent(3, 0, b"x", (bytes(36),), b"abcd"),
]


def shown(**changed: list[Any]) -> Decoder:
    def decode(columns: Columns) -> Columns:
        return {name: (SHOWN | changed)[name] for name in columns}

    return Decoder(Shown, decode)


def test_what_decoders_make_of_fields_is_kept(tmp_path: Path) -> None:
    plan, readers = plan_of([Shown]), [declaration(shown())]
    batch = batch_of(plan, SHOWN_SENT)
    path = write(tmp_path / "f", plan, batch, readers=readers)
    events = read(path, Shown)
    assert events == decoded(plan, batch, readers=readers)
    assert events[2].get(Shown) == Shown("no route", False, 7, 1.5, "\N{SNOWMAN}", b"\xff\\", 4, ("ip_rcv+0x0", "é"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": [1, 2**32]},
        {"size": ["a", "b"]},
        {"reason": [1, 2]},
        {"frames": [1, 2]},
        {"reason": ["\ud800", ""]},
        {"bare": [1, 2]},
    ],
)
def test_a_decoder_that_gives_something_else_is_blamed(tmp_path: Path, wrong: dict[str, list[Any]]) -> None:
    plan, (field,) = plan_of([Shown]), wrong
    with pytest.raises(PluginError, match=f"section shown: field {field} is not "):
        write(tmp_path / "f", plan, batch_of(plan, SHOWN_SENT), readers=[declaration(shown(**wrong))])


def test_sections_that_files_cannot_hold_are_refused_before_anything_happens(tmp_path: Path) -> None:
    @section("odd")
    class Odd(NamedTuple):
        value: Annotated[dict[str, int], Scalar("u32", "<u4", 4)]

    @section("kernel")
    class Taken(NamedTuple):
        value: U32

    odd = declaration(Decoder(Odd, lambda columns: columns))
    with pytest.raises(PluginError, match="section odd: field value is dict"):
        write(tmp_path / "f", plan_of([Odd]), readers=[odd])
    with pytest.raises(PluginError, match="section kernel cannot be written"):
        write(tmp_path / "f", plan_of([Taken]))


@given(st.binary(max_size=20) | st.text().map(str.encode))
def test_names_of_any_bytes_come_back(name: bytes) -> None:
    assert unescape(escape(name)) == name
    assert escape(name).encode().decode() == escape(name)


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


def test_files_with_much_to_say_of_their_run_are_known_by_their_beginning(tmp_path: Path) -> None:
    path = write(tmp_path / "f", plan_of(CLASSES, KERNEL_PROBES * 2000))
    content = path.read_bytes()
    assert len(content) > 1 << 17
    assert is_arrow_events(content[: 1 << 10])


def test_a_record_of_another_plan_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="does not fit the plan"):
        write(tmp_path / "f", PLAN, batch_of(PLAN, [ONE._replace(probe=3)]))


def test_the_metadata_is_json_that_anybody_can_read(tmp_path: Path) -> None:
    metadata = ipc.open_stream(write(tmp_path / "f", PLAN)).schema.metadata
    assert metadata[MARK] == b"1"
    told = json.loads(metadata[META])
    assert told["probes"][2] == {"symbol": "main::run", "kind": "usdt", "label": "u", "path": "/bin/d", "ip": 0}
    assert told["sections"]["every-kind"]["version"] == 2
    assert told["sections"]["every-kind"]["fields"]["name"] == "chars"
    assert list(told["sections"]["large"]["fields"]) == [field.name for field in layout_of(Large).fields]
