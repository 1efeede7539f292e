"""Event files that are cut, damaged, or something else: events, or one line that says what is wrong and where."""

from __future__ import annotations

import contextlib
import copy
import gzip
import io
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import ipc, parquet
from tests.event_json import EVENT, STARTUP, USER_EVENT, write_lines

from tracer_core.cli.main import run

if TYPE_CHECKING:
    from tracer_core.testing.command import Tracer

pytestmark = pytest.mark.usefixtures("collectors_found_once")

EVENTS: list[Any] = [
    EVENT,
    USER_EVENT,
    {**EVENT, "strange": {"answer": 42, "deep": [{"a": None}]}, "return": {"entered": 1}},
    {"common": {"timestamp": 5}, "kernel": {"symbol": "a", "probe_type": "kprobe", "stack_trace": ["a+0x1"]}},
    {**USER_EVENT, "stack": {"size": 8, "frames": ["main+0x4"]}, "tracer": {"lost": 3}},
    {**EVENT, "tracking": {"idx": 3, "skb": EVENT["skb-tracking"]}},
]
KINDS = ("json", "sorted.json", "arrow", "parquet")
BAD = [
    None, True, -1, 0, 256, 2**63, 2**64 - 1, 2**64, -(2**63), -(2**64), 1.5, 1e300, "", "x", "\0", "\N{SNOWMAN}" * 300,
    [], {}, [None], [1, "a"], {"a": 1}, [[{"a": [0]}]],
]  # fmt: skip
DEEP = "[" * 500 + "]" * 500
fuzz = settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


class Outcome(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: list[str]


def outcome(*arguments: str | Path) -> Outcome:
    """Of a command in this process; what would be a traceback is raised."""
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = run(list(map(str, arguments)))
    return Outcome(code, out.getvalue(), err.getvalue().splitlines())


def check(found: Outcome, path: Path) -> Outcome:
    """Look whether what was said is fit for users."""
    errors = [line for line in found.err if line.startswith("Error: ")]
    assert found.code in {0, 1}, found.err
    assert len(errors) == found.code, found.err
    assert all(str(path) in line for line in errors), found.err
    # it is the file that is wrong, and no collector
    assert not any("leave it out" in line or "leave its collector out" in line for line in found.err), found.err
    assert all(len(line) < 1000 for line in found.err), found.err
    return found


def use(path: Path) -> Outcome:
    """What all commands make of a file; that of the one that prints it."""
    for target in ("out.json", "out.arrow"):
        check(outcome("convert", path, path.with_name(target)), path)
        if path.with_name(target).exists():
            assert outcome("print", path.with_name(target)).code == 0
    check(outcome("stats", path), path)
    return check(outcome("print", path, "--utc", "--format", "single-line"), path)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A good file of each kind."""
    folder = tmp_path_factory.mktemp("good")
    plain = write_lines(folder / "good.json", EVENTS)
    write_lines(folder / "good.sorted.json", [EVENTS[:2], EVENTS[2:3], EVENTS[3:]], [STARTUP])
    for kind in ("arrow", "parquet"):
        assert outcome("convert", plain, folder / f"good.{kind}").code == 0
    return {kind: (folder / f"good.{kind}").read_bytes() for kind in KINDS}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_that_ends_early_gives_what_is_whole(good: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    content, path = good[kind], tmp_path / f"cut.{kind}"
    step = max(1, len(content) // 150)
    for size in sorted({*range(0, len(content), step), *range(max(0, len(content) - 40), len(content))}):
        path.write_bytes(content[:size])
        found = check(outcome("print", path, "--format", "single-line"), path)
        lines = content[:size].count(b"\n")
        if "json" in kind and lines:
            assert found.code == 0
            assert found.out.count("ip_rcv") >= content[:size].rpartition(b"\n")[0].count(b"ip_rcv")
            is_cut = size < len(content) - 1 and content[size - 1 : size] != b"\n"
            assert any(f"{path} ends within line {lines + 1}" in line for line in found.err) in {is_cut, False}
        if kind == "parquet":
            assert found.code == 1


@pytest.mark.parametrize("kind", KINDS)
@fuzz
@given(data=st.data())
def test_a_file_with_other_bytes_gives_events_or_one_line(
    good: dict[str, bytes], tmp_path: Path, kind: str, data: st.DataObject
) -> None:
    content = bytearray(good[kind])
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        first = data.draw(st.integers(0, len(content)))
        del content[first : first + data.draw(st.integers(1, 64))]
    path = tmp_path / f"damaged.{kind}"
    path.write_bytes(content)
    use(path)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:  # noqa: ANN401 - JSON
    """Where in a value something can be put."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:  # noqa: ANN401 - JSON
    """A value with something else in one place, or without it if that is ``...``."""
    if not path:
        return new
    found = copy.deepcopy(value)
    holder = found
    for key in path[:-1]:
        holder = holder[key]
    if new is ...:
        del holder[path[-1]]
    else:
        holder[path[-1]] = new
    return found


def lines(is_sorted: bool) -> list[Any]:
    return [[STARTUP], EVENTS[:2], EVENTS[2:3], EVENTS[3:]] if is_sorted else [STARTUP, *EVENTS]


@pytest.mark.parametrize("is_sorted", [False, True])
@settings(fuzz, max_examples=60)
@given(data=st.data())
def test_json_with_something_else_in_a_place_gives_events_or_one_line(
    tmp_path: Path, is_sorted: bool, data: st.DataObject
) -> None:
    found = lines(is_sorted)
    at = data.draw(st.integers(0, len(found) - 1))
    place = data.draw(st.sampled_from(places(found[at])))
    new = data.draw(st.sampled_from([..., *BAD])) if place else data.draw(st.sampled_from(BAD))
    found[at] = changed(found[at], place, new)
    path = write_lines(tmp_path / "damaged.json", found[1:], found[0])
    result = use(path)
    if result.code:
        expected = (f"{path}, line {at + 1}: ", f"{path} is no event file: " if at == 0 else "never")
        assert any(text in line for line in result.err for text in expected), result.err
        before = [line for line in found[1:at] if at]
        assert result.out.count("ip_rcv") >= json.dumps(before).count('"ip_rcv"')


@pytest.mark.parametrize("is_sorted", [False, True])
@pytest.mark.parametrize("place", ["strange", "common.x", "common.task.x", "kernel.x", "skb.meta.x", "x", "tracer.end"])
def test_what_is_nested_beyond_reason_is_an_error(tmp_path: Path, is_sorted: bool, place: str) -> None:
    event = copy.deepcopy(EVENT)
    holder: Any = event
    for name in place.split(".")[:-1]:
        holder = holder.setdefault(name, {})
    holder[place.rpartition(".")[2]] = {"a": "DEEP"}
    path = write_lines(tmp_path / "deep.json", [[EVENT], [event]] if is_sorted else [EVENT, event])
    path = write_lines(path, [[EVENT], [event]] if is_sorted else [EVENT, event], [STARTUP] if is_sorted else STARTUP)
    path.write_text(path.read_text().replace('"DEEP"', DEEP))
    result = use(path)
    assert result.code == 1
    assert any(f"{path}, line 3: " in line and "nested too deeply" in line for line in result.err)


STARTUP_BAD = [
    ("clock_monotonic_offset", {"sec": 2**62, "nsec": 0}),
    ("clock_monotonic_offset", {"sec": -(2**62), "nsec": 0}),
    ("clock_monotonic_offset", {"sec": -1_800_000_000, "nsec": 999_999_999}),
]


@pytest.mark.parametrize(("name", "value"), STARTUP_BAD)
def test_times_that_no_calendar_has_are_shown_as_numbers(tmp_path: Path, name: str, value: object) -> None:
    startup = changed(STARTUP, ("startup", name), value)
    result = use(write_lines(tmp_path / "events.json", EVENTS, startup))
    assert result.code == 0
    assert result.out.count("ip_rcv") == 3


def arrow(metadata: dict[str, str] | None, *, file: bool = False) -> bytes:
    buffer, schema = io.BytesIO(), pa.schema([("a", pa.int8())], metadata)
    with (ipc.new_file if file else ipc.new_stream)(buffer, schema) as writer:
        writer.write_batch(pa.record_batch([[1]], schema=schema))
    return buffer.getvalue()


def table() -> bytes:
    buffer = io.BytesIO()
    parquet.write_table(pa.table({"a": [1]}), buffer)
    return buffer.getvalue()


OTHERS: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "it is empty"),
    "a pcap file": (b"\xd4\xc3\xb2\xa1" + bytes(40), "it is a pcap file"),
    "a pcapng file": (b"\x0a\x0d\x0d\x0a" + bytes(40), "it is a pcapng file"),
    "a gzip file": (gzip.compress(json.dumps(STARTUP).encode()), "it is compressed: unpack it first"),
    "a zstd file": (b"\x28\xb5\x2f\xfd" + bytes(20), "it is compressed: unpack it first"),
    "a program": (b"\x7fELF" + bytes(60), "it is neither an Arrow stream, nor Parquet, nor JSON lines"),
    "an Arrow file": (arrow(None, file=True), "it is an Arrow file, not a stream"),
    "an Arrow stream": (arrow(None), "tracer did not write it"),
    "a Parquet file": (table(), "tracer did not write it"),
    "a Parquet file's beginning": (table()[:40], "no whole Parquet file"),
    "text": (b"hello\n", "it is neither an Arrow stream, nor Parquet, nor JSON lines"),
    "zeros": (bytes(100), "it is neither an Arrow stream, nor Parquet, nor JSON lines"),
    "a newer Arrow stream": (arrow({"tracer": "{}", "tracer.format": "2"}), "has version 2 of the format"),
    "JSON": (b'{"a": 1}\n', "line 1: it does not say how the file began"),
    "a JSON list": (b"[]\n", "line 1: it is no event"),
    "indented JSON": (json.dumps(STARTUP, indent=2).encode(), "line 1: it is no JSON"),
    "JSON without a startup": (json.dumps(EVENT).encode(), "line 1: it does not say how the file began"),
    "a byte order mark": (b"\xef\xbb\xbf" + json.dumps(STARTUP).encode(), "it is neither an Arrow stream"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_event_file_is_refused_by_all_commands(tmp_path: Path, what: str) -> None:
    content, reason = OTHERS[what]
    path = tmp_path / "other"
    path.write_bytes(content)
    for arguments in (("print", path), ("stats", path), ("convert", path, tmp_path / "out.json")):
        found = check(outcome(*arguments), path)
        assert (found.code, found.out) == (1, "")
        assert len(found.err) == 1
        assert reason in found.err[0], found.err
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("what", ["a folder", "a pipe", "nothing", "a device"])
def test_what_is_no_file_is_refused_by_all_commands(tracer: Tracer, tmp_path: Path, what: str) -> None:
    path = tmp_path / "other"
    match what:
        case "a folder":
            path.mkdir()
        case "a pipe":
            os.mkfifo(path)
        case "a device":
            path = Path("/dev/zero")
    for command in ("print", "stats", "convert"):
        more = (str(tmp_path / "out.json"),) if command == "convert" else ()
        result = tracer.run(command, str(path), *more)
        assert (result.returncode, result.stdout) == (2, "")
        assert result.stderr.startswith(f"Error: cannot read {path}: ")
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["print", "stats", "convert"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_the_same(
    tracer: Tracer, good: dict[str, bytes], tmp_path: Path, kind: str, command: str
) -> None:
    content, path = good[kind], tmp_path / f"damaged.{kind}"
    at = content.rindex(b"ip_rcv") if "json" in kind else len(content) * 3 // 5
    path.write_bytes(content[:at] + b'"\xff\xff\xff\xff\xff\xff\xff\xff' + content[at + 9 :])
    more = (str(tmp_path / "out.json"),) if command == "convert" else ()
    result = tracer.run(command, str(path), *more)
    check(Outcome(result.returncode, result.stdout, result.stderr.splitlines()), path)
    assert "Traceback" not in result.stderr
