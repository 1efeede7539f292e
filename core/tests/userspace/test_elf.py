"""ELF files: places of probes and functions as file offsets. What the offsets are good for is in test_attach.py."""

from __future__ import annotations

import contextlib
import io
import platform
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tracer_core.errors import MachineError
from tracer_core.userspace.elf import Elf, NotInFileError, UsdtLocation

Build = Callable[[str], Path]

LIBRARY = r"""
	.text
	.globl here
	.type here, %function
here:	nop
	.size here, 1
	.section .stapsdt.base,"aG","progbits",.stapsdt.base,comdat
	.weak _.stapsdt.base
	.hidden _.stapsdt.base
_.stapsdt.base: .space 1
	.section .probes,"aw"
	.globl counter
counter: .2byte 0
	.section .note.stapsdt,"","note"
	.balign 4
	.4byte 2f-1f, 4f-3f, 3
1:	.asciz "stapsdt"
2:	.balign 4
3:	.8byte MOVED
	.asciz "fixture"
	.asciz "moved"
	.asciz "4@$1"
4:	.balign 4
"""


@pytest.fixture(scope="module")
def content(build: Build) -> bytes:
    return build("pie").read_bytes()


def elf(content: bytes) -> Elf:
    return Elf(io.BytesIO(content), "/bin/probed")


def assembled(gcc: str, folder: Path, addresses: str) -> Elf:
    source, library = folder / "library.s", folder / "library.so"
    source.write_text(LIBRARY.replace("MOVED", addresses))
    subprocess.run([gcc, "-shared", "-nostdlib", "-o", library, source], check=True)
    return elf(library.read_bytes())


def test_an_executable_says_what_it_is_for_and_which_probes_it_has(content: bytes):
    file = elf(content)

    assert file.architecture == platform.machine()
    assert {"fixture:every_type", "fixture:several", "fixture:guarded", "fixture:nothing"} <= {
        note.target for note in file.notes
    }


def test_places_are_in_the_order_of_the_file_and_point_at_the_instruction_for_it(content: bytes):
    places = elf(content).usdt("fixture:several")

    assert sorted(places, key=lambda place: place.offset) == list(places)
    if platform.machine() == "x86_64":
        assert {content[place.offset] for place in places} == {0x90}


def test_only_probes_with_a_semaphore_have_one(content: bytes):
    (guarded,) = elf(content).usdt("fixture:guarded")
    (plain,) = elf(content).usdt("fixture:nothing")

    assert content[guarded.semaphore : guarded.semaphore + 2] == b"\0\0"
    assert guarded.semaphore > guarded.offset
    assert plain == UsdtLocation(plain.offset, 0, "")


@pytest.mark.parametrize(
    "addresses", ["here, _.stapsdt.base, counter", "here - 0x40, _.stapsdt.base - 0x40, counter - 0x40"]
)
def test_a_note_leads_to_its_instruction_also_after_prelinking(gcc: str, tmp_path: Path, addresses: str):
    file = assembled(gcc, tmp_path, addresses)

    (place,) = file.usdt("fixture:moved")

    assert place.offset == file.function("here")
    assert place.semaphore


def test_a_note_that_leads_nowhere_is_refused(gcc: str, tmp_path: Path):
    with pytest.raises(NotInFileError, match="in no executable part"):
        assembled(gcc, tmp_path, "0xdead0000, 0, 0").usdt("fixture:moved")


def test_a_note_that_leads_to_data_is_refused(gcc: str, tmp_path: Path):
    with pytest.raises(NotInFileError, match="in no executable part"):
        assembled(gcc, tmp_path, "counter, 0, 0").usdt("fixture:moved")


def test_a_probe_that_is_not_there_is_refused_with_those_of_similar_names(content: bytes):
    with pytest.raises(NotInFileError, match="no USDT probe fixture:severla") as refused:
        elf(content).usdt("fixture:severla")

    assert "did you mean fixture:several" in refused.value.hint


def test_a_program_without_any_probe_says_so(gcc: str, tmp_path: Path):
    source = tmp_path / "empty.c"
    source.write_text("int main(void) { return 0; }")
    subprocess.run([gcc, "-o", tmp_path / "empty", source], check=True)

    with pytest.raises(MachineError, match=r"^/bin/probed has no USDT probes;"):
        elf((tmp_path / "empty").read_bytes()).usdt("fixture:several")


def test_functions_are_found_by_name_in_either_symbol_table(content: bytes, build: Build, gcc: str, tmp_path: Path):
    stripped = tmp_path / "stripped"
    subprocess.run(["strip", "-o", stripped, build("pie")], check=True)

    assert elf(content).function("a_function") == elf(stripped.read_bytes()).function("a_function")
    with pytest.raises(NotInFileError, match="has no function main_"):
        elf(content).function("main_")
    with pytest.raises(NotInFileError, match="has no function fgets"):  # of a library: undefined here
        elf(content).function("fgets")


def test_functions_that_share_a_name_are_refused(gcc: str, tmp_path: Path):
    for name in "ab":
        text = f"static __attribute__((noinline, used)) int same(void) {{ return {ord(name)}; }}"
        (tmp_path / f"{name}.c").write_text(text)
    library = tmp_path / "library.so"
    subprocess.run([gcc, "-shared", "-fPIC", "-o", library, tmp_path / "a.c", tmp_path / "b.c"], check=True)

    with pytest.raises(NotInFileError, match="2 functions of the name same"):
        elf(library.read_bytes()).function("same")


@pytest.mark.parametrize(
    ("at", "byte", "words"),
    [(0, 0, "not an ELF file"), (4, 1, "64-bit|not an ELF"), (18, 40, "64-bit"), (16, 1, "neither")],
)
def test_other_files_are_refused(content: bytes, at: int, byte: int, words: str):
    with pytest.raises(NotInFileError, match=words):
        elf(content[:at] + bytes([byte]) + content[at + 1 :])


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8),
    headers=st.lists(st.tuples(st.integers(0, 63), st.integers(0, 255)), max_size=3),
    length=st.floats(0, 1),
)
def test_a_damaged_file_is_read_or_refused(
    content: bytes, changes: list[tuple[float, int]], headers: list[tuple[int, int]], length: float
):
    damaged = bytearray(content)
    for at, byte in changes:
        damaged[int(at * len(damaged))] = byte
    for at, byte in headers:
        damaged[at] = byte
    with contextlib.suppress(NotInFileError):
        file = elf(bytes(damaged[: int(len(damaged) * max(length, 0.5))]))
        file.usdt("fixture:several")
        file.function("a_function")
