from __future__ import annotations

import hashlib
import json
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend.portable import File, MapDefinition, NotPortableError, Portable, decode, encode

EXIT = struct.pack("<BBhi", 0x95, 0, 0, 0)
ARRAY, PROGRAMS = 2, 3  # enum bpf_map_type


def load(source: int, value: int) -> bytes:
    return struct.pack("<BBhIBBhI", 0x18, 1 | source << 4, 0, value & 0xFFFFFFFF, 0, 0, 0, value >> 32)


VALUE = Portable(
    key="f" * 64,
    code={"one": load(1, 1) + EXIT, "two": load(0, 7) + load(1, 0) + EXIT},
    maps=(MapDefinition("first", ARRAY, 4, 8, 1, 1024), MapDefinition("second", 27, 0, 0, 4096, 0)),
    files=(File("/lib/one", 5, 1_700_000_000_000_000_000), File("/lib/two", 0, 0)),
)
DATA = encode(VALUE)

names = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,30}", fullmatch=True)
numbers = st.integers(0, 2**32 - 1)
definitions = st.builds(
    MapDefinition, names, st.sampled_from([1, 2, 5, 6, 9, 27]), numbers, numbers, numbers, st.sampled_from([0, 1024])
)
files = st.builds(File, st.text(), st.integers(0, 2**63), st.integers(0, 2**63))
values = st.builds(
    Portable,
    st.text(),
    st.dictionaries(st.text(), st.integers(0, 5).map(lambda count: EXIT * count)),
    st.lists(definitions, unique_by=lambda made: made.name).map(tuple),
    st.lists(files).map(tuple),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(), inner),
)
heads = json_values | st.fixed_dictionaries(
    {}, optional=dict.fromkeys(("key", "functions", "maps", "files"), json_values)
)


def sealed(body: bytes) -> bytes:
    return hashlib.sha256(body).digest() + body


def written(**changed: object) -> bytes:
    head = {
        "key": "k",
        "functions": [["f", 16]],
        "maps": [["m", ARRAY, 4, 8, 1, 0]],
        "files": [["/f", 1, 2]],
        **{name: value for name, value in changed.items() if name != "code"},
    }
    code = changed.get("code", load(1, 0))
    assert isinstance(code, bytes)
    return sealed(json.dumps(head).encode() + b"\n" + code)


@given(values)
def test_what_is_written_is_read(value: Portable) -> None:
    assert decode(encode(value)) == value


def test_code_and_its_references_to_maps_are_read() -> None:
    assert decode(DATA) == VALUE


@given(st.integers(0, len(DATA) - 1), st.integers(1, 255))
def test_a_changed_byte_is_noticed(at: int, difference: int) -> None:
    damaged = bytearray(DATA)
    damaged[at] ^= difference
    with pytest.raises(NotPortableError):
        decode(bytes(damaged))


@given(st.integers(0, len(DATA) - 1))
def test_a_missing_end_is_noticed(size: int) -> None:
    with pytest.raises(NotPortableError):
        decode(DATA[:size])


@given(st.binary(min_size=1))
def test_whatever_follows_is_noticed(more: bytes) -> None:
    with pytest.raises(NotPortableError):
        decode(DATA + more)


@given(st.binary() | heads.map(lambda head: json.dumps(head).encode() + b"\n") | st.just(b"[" * 100_000))
def test_whatever_somebody_sealed_is_read_or_refused(body: bytes) -> None:
    try:
        value = decode(sealed(body))
    except NotPortableError:
        return
    assert decode(encode(value)) == value


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(written(code=load(1, 1)), id="a map that is not there"),
        pytest.param(written(code=load(2, 0)), id="an address of something"),
        pytest.param(written(code=load(1, 0) + EXIT), id="more code than functions"),
        pytest.param(written(functions=[["f", 24]]), id="less code than functions"),
        pytest.param(written(functions=[["f", 12], ["g", 4]]), id="half an instruction"),
        pytest.param(written(functions=[["f", -16], ["g", 32]]), id="a negative size"),
        pytest.param(written(maps=[["m", PROGRAMS, 4, 4, 1, 0]]), id="a map of programs"),
        pytest.param(written(maps=[["m", ARRAY, 4, 8, 1, 4]]), id="a map for one NUMA node"),
        pytest.param(written(maps=[["m", ARRAY, 4, 8, 1]]), id="half a map"),
        pytest.param(written(maps=[["m", ARRAY, 4, 8, 1, 0]] * 2), id="a map twice"),
        pytest.param(written(maps=[["m\0", ARRAY, 4, 8, 1, 0]]), id="a name that is none"),
        pytest.param(written(files=[[5, 1, 2]]), id="a descriptor for a path"),
        pytest.param(written(key=None), id="no key"),
    ],
)
def test_it_is_refused(data: bytes) -> None:
    assert decode(written()).code == {"f": load(1, 0)}
    with pytest.raises(NotPortableError):
        decode(data)


def test_a_file_that_was_written_to_or_is_gone_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "library"
    path.write_bytes(b"one")
    then = File.at(str(path))
    found = [then.is_unchanged]
    path.write_bytes(b"three")
    found.append(then.is_unchanged)
    path.unlink()
    found.append(then.is_unchanged)
    assert found == [True, False, False]
    assert not File("\0", 0, 0).is_unchanged
