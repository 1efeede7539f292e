"""Code from the cache against code from the compiler, on maps of every type that the project uses."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.backend import code_cache
from tracer_core.backend.cache import Cache
from tracer_core.backend.code_cache import CachingCompiler, find, key_of
from tracer_core.backend.compiler import Compiled, CompileError, Compiler
from tracer_core.backend.portable import decode, encode, portable

if TYPE_CHECKING:
    from collections.abc import Iterator

FUNCTIONS = ("one", "two")
TEXT = """
struct value { u64 numbers[3]; };
BPF_F_TABLE("array", u32, u64, counters, 7, BPF_F_MMAPABLE);
BPF_PERCPU_ARRAY(slots, struct value, 4);
BPF_HASH(addresses, u64, struct value, 16);
BPF_TABLE("lru_hash", struct value, u32, calls, 128);
BPF_RINGBUF_OUTPUT(events, 8);

int one(u64 *args)
{
	u32 key = 1;
	u64 *counter = counters.lookup(&key);
	struct value *slot = slots.lookup(&key);

	if (counter && slot)
		events.ringbuf_output(slot, sizeof(*slot), 0);
	return 0;
}

int two(u64 *args)
{
	u64 key = 2;
	struct value *found = addresses.lookup(&key);
	u32 number = 3;

	if (found)
		calls.update(found, &number);
	return 0;
}
"""


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    with Cache(tmp_path / "cache") as opened:
        yield opened


@contextmanager
def closing(compiled: Compiled | None) -> Iterator[Compiled | None]:
    yield compiled
    for fd in compiled.maps.values() if compiled else ():
        os.close(fd)


@contextmanager
def compiling(cache: Cache, text: str = TEXT, *, keep: bool = True) -> Iterator[Compiled]:
    with CachingCompiler(cache, ["a test"]) as compiler, closing(compiler.compile(text, FUNCTIONS)) as compiled:
        if keep:
            compiler.keep()
        assert compiled is not None
        yield compiled


class NoCompiler:
    """In place of a compiler that is not to be needed."""

    def __init__(self) -> None:
        pytest.fail("a compiler process was made")


def altered(cache: Cache, key: str, **changes: object) -> None:
    """Change an entry, as somebody would who knows how."""
    data = cache.get(key)
    assert data is not None
    cache.put(key, encode(replace(decode(data), **changes)))  # type: ignore[arg-type]


def is_found(cache: Cache, key: str) -> bool:
    with closing(find(cache, key)) as found:
        return found is not None


@pytest.mark.bpf
def test_code_and_maps_from_the_cache_are_those_of_the_compiler(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    with compiling(cache) as compiled:
        made = portable("key", compiled)
    monkeypatch.setattr(code_cache, "Compiler", NoCompiler)
    with compiling(cache) as found:
        assert portable("key", found) == made
        assert set(found.maps) == {"counters", "slots", "addresses", "calls", "events"}
        flags = {definition.name: (definition.max_entries, definition.flags) for definition in made.maps}
        assert flags["counters"] == (7, 1 << 10)


@pytest.mark.bpf
def test_it_knows_the_files_of_the_compiler(cache: Cache) -> None:
    with compiling(cache, keep=False) as compiled:
        names = {Path(file).name for file in compiled.files}
    assert "__init__.py" in names
    assert any(name.startswith("libbcc.so") for name in names)


@pytest.mark.bpf
def test_nothing_is_kept_unless_it_is_said(cache: Cache) -> None:
    with compiling(cache, keep=False):
        pass
    assert cache.get(key_of(TEXT, FUNCTIONS)) is None


@pytest.mark.bpf
def test_another_compiler_another_key_and_damage_are_misses(cache: Cache) -> None:
    with compiling(cache):
        pass
    key = key_of(TEXT, FUNCTIONS)
    assert is_found(cache, key)
    data = cache.get(key)
    assert data is not None
    cache.put("0" * 64, data)
    assert not is_found(cache, "0" * 64)
    cache.put(key, data[:-1])
    assert not is_found(cache, key)
    cache.put(key, data)
    files = decode(data).files
    altered(cache, key, files=(replace(files[0], size=files[0].size + 1), *files[1:]))
    assert not is_found(cache, key)


@pytest.mark.bpf
def test_maps_that_cannot_be_made_are_a_miss_and_leave_none_behind(cache: Cache) -> None:
    with compiling(cache) as compiled:
        maps = portable("key", compiled).maps
    key, before = key_of(TEXT, FUNCTIONS), len(list(Path("/proc/self/fd").iterdir()))
    altered(cache, key, maps=(*maps[:-1], replace(maps[-1], value_size=1 << 31)))
    assert not is_found(cache, key)
    assert len(list(Path("/proc/self/fd").iterdir())) == before


@pytest.mark.bpf
def test_maps_of_which_a_definition_is_not_enough_are_not_kept(cache: Cache) -> None:
    text = "BPF_PROG_ARRAY(others, 4);\nint one(u64 *a) { others.call(a, 1); return 0; }\nint two(u64 *a) { return 0; }"
    with compiling(cache, text) as compiled:
        assert set(compiled.maps) == {"others"}
    assert cache.get(key_of(text, FUNCTIONS)) is None


@pytest.mark.bpf
def test_a_text_that_does_not_compile_leaves_nothing(tmp_path: Path) -> None:
    with Cache(tmp_path / "cache") as cache, pytest.raises(CompileError), compiling(cache, "int one(u64 *a) { no }"):
        pass
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.bpf
def test_a_command_that_was_served_before_starts_no_compiler_until_it_must(
    cache: Cache, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    class Noting(Compiler):
        def __init__(self) -> None:
            made.append("one")
            super().__init__()

    monkeypatch.setattr(code_cache, "Compiler", Noting)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0, 1})
    with CachingCompiler(cache, ["a test"]):
        assert made == ["one"], "an unknown command line: it starts beside planning"
    with compiling(cache):
        made.clear()
    with compiling(cache):
        assert made == []
    with CachingCompiler(cache, ["another"]):
        assert made == ["one"]
    with CachingCompiler(cache, ["a test"]) as compiler, closing(compiler.compile(f"{TEXT}\n", FUNCTIONS)):
        assert made == ["one", "one"], "a known one, with another text"
    monkeypatch.setattr(os, "sched_getaffinity", lambda _pid: {0})
    with CachingCompiler(cache, ["yet another"]):
        assert made == ["one", "one"], "one CPU"


@pytest.mark.parametrize(
    ("text", "functions"),
    [(f"{TEXT} ", FUNCTIONS), (TEXT, ("two", "one")), (TEXT, ("onetwo",)), (TEXT, ("one", "tw", "o"))],
)
def test_other_texts_and_functions_have_other_keys(text: str, functions: tuple[str, ...]) -> None:
    assert key_of(TEXT, FUNCTIONS) == key_of(TEXT, FUNCTIONS)
    assert key_of(text, functions) != key_of(TEXT, FUNCTIONS)


def test_other_flags_headers_kernels_and_variables_have_other_keys(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [key_of(TEXT, FUNCTIONS)]
    monkeypatch.setenv("CPATH", "/elsewhere")
    keys.append(key_of(TEXT, FUNCTIONS))
    monkeypatch.setattr(code_cache, "FLAGS", ("-DX",))
    keys.append(key_of(TEXT, FUNCTIONS))
    monkeypatch.setattr(code_cache, "HEADERS", tmp_path)
    keys.append(key_of(TEXT, FUNCTIONS))
    (tmp_path / "types.h").write_text("typedef int s32;")
    keys.append(key_of(TEXT, FUNCTIONS))
    (tmp_path / "types.h").write_text("typedef long s32;")
    keys.append(key_of(TEXT, FUNCTIONS))
    kernel = os.uname()
    monkeypatch.setattr(os, "uname", lambda: os.uname_result((*kernel[:3], "#2 SMP", kernel[4])))
    keys.append(key_of(TEXT, FUNCTIONS))
    assert len(set(keys)) == len(keys)
