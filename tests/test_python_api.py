"""The Python API on files of every kind."""

from __future__ import annotations

import copy
import gc
import html
import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import polars
import pyarrow
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.event_json import EVENT, STARTUP, USER_EVENT, events, write_lines

import tracer_core

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer

KINDS = ["arrow", "parquet", "json"]
OURS = EVENT | {
    "return": {"entered": 1, "duration": 7, "value": -3, "form": 1},
    "tracer": {"lost": 3, "probe_type": "fentry"},
    "x-third": {"a": 1, "b": {"c": [2]}},
}


@pytest.fixture(params=KINDS)
def path(request: pytest.FixtureRequest, tracer: Tracer, tmp_path: Path) -> Path:
    """A file of three events."""
    source = write_lines(tmp_path / "events.json", [EVENT, USER_EVENT, OURS])
    if request.param == "json":
        return source
    target = tmp_path / f"events.{request.param}"
    assert tracer.run("convert", str(source), str(target)).returncode == 0
    return target


def test_events_of_all_kinds_of_files_are_those_of_json(path: Path) -> None:
    file = tracer_core.open(path)
    assert [event.to_dict() for event in file] == [EVENT, USER_EVENT, OURS]
    assert [event.to_dict() for event in file] == [EVENT, USER_EVENT, OURS]  # again
    first, *others = file.events()
    assert first.to_dict()["startup"] == STARTUP["startup"]
    assert others == list(file)
    assert file.about.command == "retis collect -o"


@settings(max_examples=30)
@given(found=st.lists(events(), min_size=1, max_size=10))
def test_dictionaries_are_what_json_has(tmp_path_factory: pytest.TempPathFactory, found: list[dict[str, Any]]) -> None:
    folder = tmp_path_factory.mktemp("dictionaries")
    path = write_lines(folder / "events.json", found)
    from tracer_core.cli.main import run

    assert run(["--log-level=error", "convert", str(path), str(folder / "same.json")]) == 0
    assert run(["--log-level=error", "convert", str(path), str(folder / "same.arrow")]) == 0
    same = [json.loads(line) for line in (folder / "same.json").read_text().splitlines()[1:]]
    assert [event.to_dict() for event in tracer_core.open(folder / "same.json")] == same
    assert [event.to_dict() for event in tracer_core.open(folder / "same.arrow")] == same


def test_texts_are_those_that_are_printed(path: Path, tracer: Tracer) -> None:
    printed = tracer.run("print", str(path)).stdout
    assert printed == "".join(f"{event}\n\n" for event in tracer_core.open(path).events())


def test_what_nobody_declares_has_attributes_too(path: Path) -> None:
    *_, event = tracer_core.open(path)
    assert event.x_third.b.c == [2]
    assert event["x-third"].a == 1
    assert event.return_.value == getattr(event, "return").value == -3
    assert str(event.return_) == "returned -3 after 7ns"
    assert event.kernel is not None
    assert event.kernel.probe_type == "kprobe"
    assert event.tracer is not None
    assert (event.tracer.lost, event.tracer.probe_type) == (3, "fentry")
    with pytest.raises(AttributeError, match="there is no section 'nope'"):
        _ = event.nope
    assert {"return", "skb_tracking", "x_third"} < set(dir(event))


def test_events_are_equal_if_their_dictionaries_are_and_cannot_be_changed(path: Path) -> None:
    one, other = (next(iter(tracer_core.open(path))) for _ in range(2))
    assert one == other
    assert hash(one) == hash(other)
    assert one.skb == other.skb
    assert one != list(tracer_core.open(path))[1]
    for what, name in ((one, "skb"), (one.common, "timestamp"), (one.skb, "more")):
        with pytest.raises(AttributeError):
            setattr(what, name, 1)


def test_what_is_read_of_events_can_be_changed_and_they_stay_as_they_are(path: Path) -> None:
    *_, event = tracer_core.open(path)
    found = event.to_dict()
    found["x-third"]["b"]["c"].append(3)
    event.x_third.to_dict()["b"]["c"].append(3)
    event.x_third.b.c.append(3)
    assert event.to_dict() == OURS


def test_copies_of_events_and_sections_are_they_themselves_and_none_leaves_its_process(path: Path) -> None:
    event = next(iter(tracer_core.open(path)))
    for what in (event, event.common, event.skb, event.skb.meta, event.skb_tracking, event.packet):
        assert copy.copy(what) is what
        assert copy.deepcopy([what]) == [what]
        with pytest.raises(TypeError, match=r"cannot pickle '\w+' object: give others its to_dict\(\)"):
            pickle.dumps(what)


def test_columns_are_those_of_arrow_whatever_the_file_is(path: Path) -> None:
    file = tracer_core.open(path)
    table = file.arrow().read_all()
    assert table["common"].to_pylist()[0]["timestamp"] == 2048
    assert table["kernel"].to_pylist()[1] is None
    assert polars.DataFrame(file).shape == file.polars().shape == (3, table.num_columns)
    assert pyarrow.table(file) == table
    symbols = duckdb.execute("select kernel.symbol from file").fetchall()
    assert symbols == [("ip_rcv",), (None,), ("ip_rcv",)]
    assert file.polars()["skb-tracking"].struct.field("skb").to_list()[0] == EVENT["skb-tracking"]["skb"]


def test_pandas_has_a_column_for_each_field_and_keeps_large_numbers(path: Path) -> None:
    pytest.importorskip("pandas")
    frame = tracer_core.open(path).pandas()
    assert len(frame) == 3
    assert next(iter(frame["kernel.symbol"])) == "ip_rcv"
    assert frame["skb-tracking.orig_head"][0] == EVENT["skb-tracking"]["orig_head"]


def test_an_optional_package_that_is_missing_is_named_with_the_command_that_installs_it(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("pandas", "polars", "scapy.all"):
        monkeypatch.setitem(sys.modules, name, None)
    file = tracer_core.open(path)
    with pytest.raises(ImportError, match=r"pandas is not installed: pip install 'tracer-core\[pandas\]'"):
        file.pandas()
    with pytest.raises(ImportError, match=r"polars is not installed"):
        file.polars()
    with pytest.raises(ImportError, match=r"Could not import scapy.all"):
        next(iter(file)).packet.to_scapy()


def journey(number: int, start: int) -> dict[str, Any]:
    identity = {"orig_head": number, "timestamp": number, "skb": number}
    return EVENT | {"common": {**EVENT["common"], "timestamp": start}, "skb-tracking": identity}


def test_journeys_of_a_file_that_is_not_sorted_are_those_that_sort_gives(tmp_path: Path, tracer: Tracer) -> None:
    path = write_lines(tmp_path / "events.json", [journey(1 + n % 3, 10 + n) for n in range(9)])
    target = tmp_path / "sorted.arrow"
    assert tracer.run("sort", str(path), "-o", str(target)).returncode == 0
    found = list(tracer_core.open(path).journeys())
    stored = list(tracer_core.open(target).journeys())
    assert [len(series) for series in found] == [3, 3, 3]
    assert [series.to_list() for series in found] == [series.to_list() for series in stored]
    assert [event.tracking.idx for event in found[1]] == [0, 1, 2]
    assert found[1].duration == 6
    assert list(tracer_core.open(target)) == [event for series in stored for event in series]
    printed = tracer.run("print", str(target)).stdout.partition("\n\n")[2]
    assert printed == "".join(f"{series}\n\n" for series in stored)


def test_a_rotated_set_is_read_as_one_file(tmp_path: Path) -> None:
    for number in range(3):
        startup = json.loads(json.dumps(STARTUP))
        startup["startup"]["split_file"] = {"id": number, "policy": {"kind": "size", "limit": 1000000}}
        write_lines(tmp_path / f"x.json.{number}", [journey(number, 5 + number)], startup)
    first = tmp_path / "x.json.0"
    assert [event.common.timestamp for event in tracer_core.open(first)] == [5]
    file = tracer_core.open(first, rotated=True)
    assert [event.common.timestamp for event in file] == [5, 6, 7]
    assert [event.startup is not None for event in tracer_core.EventFile.with_rotation(first).events()] == [
        True,
        False,
    ] * 3
    assert file.arrow().read_all().num_rows == 3
    assert repr(file).endswith("rotated=True)")


def test_what_a_notebook_shows_is_escaped(tmp_path: Path) -> None:
    event = EVENT | {"dev": {"name": "<b>\x1b[31m\u202e", "ifindex": 1}, "x-<b>\u202e": {"<i>": 1}}
    path = write_lines(tmp_path / "<i>.json", [event])
    (found,) = tracer_core.open(path)
    (series,) = tracer_core.open(path).journeys()
    for shown in (found, found.dev, series, tracer_core.open(path)):
        text = shown._repr_html_()
        assert text.startswith("<table>")
        assert "<b>" not in text
        assert "<i>" not in text
        assert not {"\x1b", "\u202e"} & set(text)
    assert r"&lt;b&gt;\x1b[31m\u202e" in found._repr_html_()


def test_a_notebook_shows_the_whole_text_of_the_events_of_a_journey_but_not_of_thousands(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.json", [journey(1, 10 + n) for n in range(103)])
    (series,) = tracer_core.open(path).journeys()
    shown = html.unescape(series._repr_html_())
    assert str(series[99]) in shown
    assert "pre-wrap" in shown  # its lines
    assert str(series[100]) not in shown
    assert "<p>and 3 more</p>" in shown
    assert "more" not in series[:100]._repr_html_()


def opened() -> int:
    """How many files this process has opened."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_a_file_that_is_not_read_to_its_end_is_closed(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.json", [EVENT] * 10)
    before = opened()
    reader = tracer_core.open(path).events()
    next(reader)
    assert opened() == before + 1
    del reader
    tracer_core.open(path).events()  # of which nothing is read
    gc.collect()
    assert opened() == before
    with tracer_core.EventReader(path) as another:
        next(another)
    assert opened() == before


def test_the_names_of_the_package_cost_nothing_until_they_are_used() -> None:
    code = "import sys, tracer_core; print([name for name in sys.modules if 'tracer' in name or 'numpy' in name])"
    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert found.strip() == "['tracer_core']"
    assert set(tracer_core.__all__) <= set(dir(tracer_core))
    assert all(getattr(tracer_core, name) is not None for name in tracer_core.__all__)
