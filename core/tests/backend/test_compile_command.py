"""A command that compiles, against BCC in our own process: same code, same maps, same complaints."""

from __future__ import annotations

import json
import os
import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from tracer_core.backend import compile_command
from tracer_core.backend.compiler import COMMAND_VARIABLE, CompileError, Compiler
from tracer_core.backend.portable import Portable, portable
from tracer_core.errors import MachineError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.bpf

OURSELVES = shlex.join([sys.executable, "-m", compile_command.__name__])
TEXT = """
BPF_F_TABLE("array", u32, u64, counters, 7, BPF_F_MMAPABLE);
BPF_HASH(addresses, u64, u32, 16);
BPF_RINGBUF_OUTPUT(events, 8);

int one(u64 *args)
{
	u32 key = 1;
	u64 *counter = counters.lookup(&key);

	if (counter)
		events.ringbuf_output(counter, sizeof(*counter), 0);
	return 0;
}

int two(u64 *args)
{
	u64 key = 2;

	addresses.delete(&key);
	return 0;
}
"""


def compiled(text: str = TEXT) -> Portable:
    with Compiler() as compiler:
        made = compiler.compile(text, ["one", "two"])
    try:
        return portable("", made)
    finally:
        for fd in made.maps.values():
            os.close(fd)


def test_code_and_maps_are_those_of_bcc(monkeypatch: pytest.MonkeyPatch) -> None:
    expected = compiled()
    monkeypatch.setenv(COMMAND_VARIABLE, OURSELVES)
    assert compiled() == expected
    assert {made.name for made in expected.maps} == {"counters", "addresses", "events"}


def test_what_is_refused_has_the_words_of_the_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = TEXT.replace("u32 key", "u33 key")
    with pytest.raises(CompileError) as expected:
        compiled(wrong)
    monkeypatch.setenv(COMMAND_VARIABLE, OURSELVES)
    with pytest.raises(CompileError, match="unknown type name 'u33'") as error:
        compiled(wrong)
    assert error.value.message == expected.value.message


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("/nowhere/to/be/found", "No such file or directory"),
        ("sh -c 'no closing quote", "No closing quotation"),
        ("sh -c 'echo first >&2; echo not today >&2; exit 4'", "not today"),
        ("sh -c 'exit 5'", "it ended with 5"),
        ("echo code", "cut off or damaged"),
    ],
)
def test_a_command_that_does_not_compile_is_told_from_a_text_that_is_refused(
    command: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(COMMAND_VARIABLE, command)
    with pytest.raises(MachineError) as error:
        compiled()
    assert error.value.message.startswith(f"TRACER_COMPILER={command} does not compile: ")
    assert why in error.value.message
    assert "without TRACER_COMPILER" in error.value.hint


def test_code_for_another_text_is_not_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    answer = tmp_path / "answer"
    answer.write_bytes(compile_command.answer(compile_command.request(TEXT, ["one", "two"])))
    monkeypatch.setenv(COMMAND_VARIABLE, f"cat {answer}")
    assert set(compiled().code) == {"one", "two"}
    with pytest.raises(MachineError, match="other code than it was asked for"):
        compiled(f"{TEXT}\n")


def test_another_version_and_another_architecture_are_not_compiled_for() -> None:
    request = json.loads(compile_command.request(TEXT, ["one"]))
    with pytest.raises(MachineError, match=r"version 0\.0 there, .* here, machine m68k there, .* here"):
        compile_command.answer(json.dumps({**request, "version": "0.0", "machine": "m68k"}).encode())
