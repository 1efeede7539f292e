"""Arrow files: what is written, and what is read of it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from core.tests.files.arrow_samples import (
    CLASSES,
    KERNEL_PROBES,
    ONE,
    PLAN,
    PROBES,
    Large,
    Sent,
    about,
    any_file,
    batch_of,
    decoded,
    plan_of,
    read,
    write,
)
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import ipc

from tracer_core.errors import RunError
from tracer_core.events.form import UnknownSection
from tracer_core.files.arrow.form import escape, unescape
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.files.arrow.schema import MARK, META, is_arrow_events
from tracer_core.plan.plan import Plan
from tracer_core.wire import U32, layout_of, section


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


@given(st.binary(max_size=20) | st.text().map(str.encode))
def test_names_of_any_bytes_come_back(name: bytes) -> None:
    assert unescape(escape(name)) == name
    assert escape(name).encode().decode() == escape(name)


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
