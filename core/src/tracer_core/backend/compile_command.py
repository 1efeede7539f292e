"""Compiling by a command, in BCC's place: where there is no BCC, or where another machine is so much faster.

``$TRACER_COMPILER`` gets a request on its standard input: a line of JSON with the text, the functions, and who asks.
It prints code and definitions of maps, as they are kept (:mod:`~tracer_core.backend.portable`); the maps are made
here. What the compiler complains of goes to its standard error. It ends with 0, with 1 if the text was refused, with
another status if it could not compile at all. Run as a program, this module is such a command.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shlex
import subprocess
import sys
from typing import TYPE_CHECKING

import tracer_core
from tracer_core.backend.compiler import COMMAND_VARIABLE, Compiled, CompileError, Compiler, map_refused
from tracer_core.backend.portable import NotPortableError, decode, encode, portable, with_maps
from tracer_core.errors import MachineError, RunError, TracerError

if TYPE_CHECKING:
    from collections.abc import Sequence


def ask(command: str, text: str, functions: Sequence[str]) -> Compiled:
    """Have a command compile a text; its complaints go to our standard error as well.

    Args:
        command: As in a shell, but without one.
        text: C.
        functions: Whose code is wanted.

    Raises:
        MachineError: the command is not there, failed, or did not give what it should; or we may not make maps.
        RunError: it refused the text.
    """
    question = request(text, functions)
    try:
        result = subprocess.run(shlex.split(command), input=question, capture_output=True, check=False)
    except (OSError, ValueError, LookupError) as error:
        raise _useless(command, str(error)) from error
    with open(2, "wb", closefd=False) as log:
        log.write(result.stderr)
    if result.returncode == CompileError.exit_code:
        raise RunError("refused")
    if result.returncode:
        words = result.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise _useless(command, words or f"it ended with {result.returncode}")
    try:
        found = decode(result.stdout)
    except NotPortableError as error:
        raise _useless(command, f"what it printed is {error}") from error
    if found.key != _key(question) or set(found.code) != set(functions):
        raise _useless(command, "it printed other code than it was asked for")
    try:
        return with_maps(found)
    except OSError as error:
        raise map_refused(str(error.strerror), denied=error.errno == errno.EPERM) from error


def request(text: str, functions: Sequence[str]) -> bytes:
    """What such a command reads."""
    return json.dumps({**_ourselves(), "text": text, "functions": list(functions)}).encode()


def answer(question: bytes) -> bytes:
    """Compile what was asked for; nothing is loaded.

    Raises:
        CompileError: the text is refused.
        MachineError: it cannot be compiled here.
    """
    asked = json.loads(question)
    ours = _ourselves()
    if differing := [f"{name} {asked[name]} there, {ours[name]} here" for name in ours if asked[name] != ours[name]]:
        raise MachineError(f"cannot compile for another tracer: {', '.join(differing)}")
    with Compiler() as compiler:
        compiled = compiler.compile(asked["text"], asked["functions"])
    try:
        return encode(portable(_key(question), compiled))
    except NotPortableError as error:
        raise MachineError(f"this cannot be compiled by a command: {error}") from error
    finally:
        for fd in compiled.maps.values():
            os.close(fd)


def main() -> int:
    """Answer the request on standard input; the exit status says how it went."""
    os.environ.pop(COMMAND_VARIABLE, None)  # it would be us
    try:
        sys.stdout.buffer.write(answer(sys.stdin.buffer.read()))
    except CompileError as error:
        sys.stderr.write(error.log)
        return error.exit_code
    except TracerError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _ourselves() -> dict[str, str]:
    """In what both ends must be alike: headers go with the version, reads with the architecture."""
    return {"version": tracer_core.__version__, "machine": os.uname().machine}


def _key(question: bytes) -> str:
    return hashlib.sha256(question).hexdigest()


def _useless(command: str, why: str) -> MachineError:
    return MachineError(
        f"{COMMAND_VARIABLE}={command} does not compile: {why}", hint=f"without {COMMAND_VARIABLE}, BCC does it here"
    )


if __name__ == "__main__":
    sys.exit(main())
