"""What compiles for guests, without a guest: its script and our thread, with a folder between them."""

from __future__ import annotations

import os
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest

from lab import compiling
from tracer_core.backend.compiler import COMMAND_VARIABLE, CompileError, Compiler

if TYPE_CHECKING:
    from pathlib import Path

TEXT = "BPF_HASH(seen, u64, u32, 16); int one(u64 *args) { u64 key = 1; return seen.lookup(&key) != 0; }"


def compiled(text: str) -> dict[str, bytes]:
    with Compiler() as compiler:
        made = compiler.compile(text, ["one"])
    for fd in made.maps.values():
        os.close(fd)
    return made.code


@pytest.mark.bpf
def test_requests_are_answered_as_long_as_the_guest_lives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert compiling.can_compile() == ""
    monkeypatch.setenv(COMMAND_VARIABLE, compiling.command(str(tmp_path)))
    with compiling.serving(tmp_path):
        assert len(compiled(TEXT)["one"]) % 8 == 0
        with pytest.raises(CompileError, match="'nothing'"):
            compiled(TEXT.replace("key = 1", "key = nothing"))
        assert set(compiled(TEXT)) == {"one"}


def test_whoever_asks_gets_the_answer_to_the_own_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(request: bytes) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess((), 1 if b"3" in request else 0, b"to " + request, b"because " + request)

    monkeypatch.setattr(compiling, "_run", run)
    command = shlex.split(compiling.command(str(tmp_path)))
    with compiling.serving(tmp_path):
        asking = [
            subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _ in range(5)
        ]
        answers = [one.communicate(b"question %d\0" % number, timeout=60) for number, one in enumerate(asking)]
    assert answers == [(b"to question %d\0" % n, b"because question %d\0" % n) for n in range(5)]
    assert [one.returncode for one in asking] == [0, 0, 0, 1, 0]


def test_a_machine_that_cannot_compile_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_COMMAND", ("sh", "-c", "echo no privileges >&2; exit 4"))
    assert compiling.can_compile() == "no privileges"
    monkeypatch.setattr(compiling, "_COMMAND", ("sh", "-c", "kill -9 $$"))
    assert compiling.can_compile() == "the compiler ended with -9"
