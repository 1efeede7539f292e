"""Compiling with BCC, in a process of its own: C text in, code and maps out. The only module that uses BCC.

With ``$TRACER_COMPILER`` that process asks a command instead, see :mod:`~tracer_core.backend.compile_command`.

The process is forked before there is anything to compile, so that importing BCC goes on beside planning. It takes
LLVM's memory with it when it ends, and when LLVM aborts, which some input makes it do, the run gets an error with
LLVM's last words.
"""

from __future__ import annotations

import ctypes
import errno
import logging
import os
import pickle
import re
import signal
import socket
import struct
import sys
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tracer_core.backend.instructions import MAP_FD, with_values
from tracer_core.errors import MachineError, RunError, TracerError, privileges

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType
    from typing import NoReturn, Self

log = logging.getLogger(__name__)

COMMAND_VARIABLE = "TRACER_COMPILER"
"""Names a command that compiles instead of BCC."""

HEADERS = Path(__file__).parent.parent / "compose" / "headers"
"""A tree that BCC takes for kernel headers; it holds what BCC's own headers need and nothing of a kernel."""

FLAGS = (
    "-Wno-address-of-packed-member",
    "-Wno-unused-function",
    "-Wno-unused-variable",
    "-fno-caret-diagnostics",
    "-Werror=implicit-function-declaration",  # the verifier would say something about jumps
)
"""For clang, besides those of BCC."""

_SIZE = struct.Struct("<Q")
_MAX_FDS = 64
_ERROR = re.compile(r"error:|LLVM ERROR: |Assertion .* failed")  # of clang, and of what kills it
_NO_MAP = re.compile(r"could not open bpf map: (.*), error: (.*)")  # BCC creates maps while it compiles
_LIBRARY = re.compile(r"/.*/lib(?:bcc|clang|LLVM)[^/\n]*$", re.MULTILINE)
_MAX_WORDS = 300  # of an error message: more is in the log


class CompileError(RunError):
    """The compiler refused the text.

    Args:
        log: What it said.
    """

    def __init__(self, log: str) -> None:
        super().__init__(f"the composed program does not compile: {_first_error(log)}")
        self.log = log


def _first_error(log: str) -> str:
    """The line of a compiler's output that matters most: the first error, or its last words."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = [line for line in lines if _ERROR.search(line)]
    words = errors[0] if errors else lines[-1] if lines else "no reason given"
    return words[:_MAX_WORDS]


def map_refused(what: str, *, denied: bool) -> MachineError:
    """The kernel does not create a map.

    Args:
        what: Which, and what the kernel said.
        denied: It is a matter of privileges.
    """
    hint = privileges() if denied else "is there memory for it? see --ring-size"
    return MachineError(f"the kernel does not let us create {what}", hint=hint)


@dataclass(frozen=True, slots=True)
class Compiled:
    """What compiling a text gave.

    Attributes:
        code: Instructions by function; they refer to the maps by the descriptors below.
        maps: Descriptors of the maps by name; whoever has this must close them.
        files: Of BCC, LLVM and clang: with others, code might be different.
    """

    code: dict[str, bytes]
    maps: dict[str, int]
    files: tuple[str, ...] = ()


class Compiler:
    """A compiler process, for one compilation. Leaving the context ends it."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self._log = os.memfd_create("tracer-compiler-log")
        self._pid = os.fork()
        if self._pid == 0:
            ours.close()
            _serve(theirs, self._log)
        theirs.close()
        self._socket = ours

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._socket.close()
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._log)

    def compile(self, text: str, functions: Sequence[str]) -> Compiled:
        """Compile a text.

        Args:
            text: C.
            functions: Whose code is wanted.

        Raises:
            CompileError: the text is refused, or the compiler died of it.
            MachineError: BCC is not there or does not work.
        """
        try:
            _send(self._socket, (text, tuple(functions)))
            answer, fds = _receive(self._socket)
        except (EOFError, OSError) as error:
            raise CompileError(f"{self._words()}\nerror: the compiler died") from error
        if isinstance(answer, TracerError):
            raise answer
        if isinstance(answer, str):
            words = self._words() or answer
            if refused := _NO_MAP.search(words):
                raise map_refused(f"map {refused[1]}: {refused[2]}", denied=refused[2] == os.strerror(errno.EPERM))
            raise CompileError(words)
        if words := self._words().strip():
            log.debug("the compiler says: %s", words)
        code, theirs, files = answer
        moved = dict(zip(theirs.values(), fds, strict=True))
        return Compiled(
            {name: with_values(instructions, MAP_FD, moved) for name, instructions in code.items()},
            dict(zip(theirs, fds, strict=True)),
            files,
        )

    def _words(self) -> str:
        return os.pread(self._log, os.fstat(self._log).st_size, 0).decode(errors="replace")


def _serve(connection: socket.socket, log: int) -> NoReturn:
    """The compiler process: compile one text, answer, end."""
    code = 1
    try:
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)  # a ^C is for the run, which then ends us
        os.dup2(log, 2)  # LLVM writes there by itself
        _answer(connection)
        code = 0
    except BaseException:  # noqa: BLE001 - nobody is above us; the log is read by the run
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def _answer(connection: socket.socket) -> None:
    fds: list[int] = []
    answer: Any
    try:
        compile_text = _chosen()  # BCC is imported here, while the run plans
    except MachineError as error:
        _receive(connection)
        answer = error
    else:
        text, functions = _receive(connection)[0]
        try:
            compiled = compile_text(text, functions)
        except MachineError as error:
            answer = error
        except Exception as error:  # noqa: BLE001 - BCC raises bare exceptions; its reason is in the log
            answer = str(error)
        else:
            answer, fds = (compiled.code, compiled.maps, compiled.files), list(compiled.maps.values())
    _send(connection, answer, fds)


def _chosen() -> Callable[[str, Sequence[str]], Compiled]:
    """What compiles, ready to do so.

    Raises:
        MachineError: BCC is not there or does not work.
    """
    # in this process only
    if command := os.environ.get(COMMAND_VARIABLE):
        from tracer_core.backend import compile_command  # noqa: PLC0415

        return partial(compile_command.ask, command)
    from tracer_core.backend import find_bcc  # noqa: PLC0415

    return partial(_with_bcc, find_bcc.load())


def _with_bcc(bcc: Any, text: str, functions: Sequence[str]) -> Compiled:  # noqa: ANN401 - BCC is untyped
    os.environ["BCC_KERNEL_SOURCE"] = str(HEADERS)
    program = bcc.BPF(text=text.encode(), cflags=list(FLAGS))  # which lives as long as this process, and its maps too
    code = {name: program.dump_func(name.encode()) for name in functions}
    return Compiled(code, _maps(bcc.lib, program.module), (bcc.__file__, *_libraries()))


def _maps(lib: Any, module: Any) -> dict[str, int]:  # noqa: ANN401 - BCC is untyped
    # BCC's Python declares these calls only in part. Signatures: src/cc/bcc_common.h
    lib.bpf_num_tables.restype, lib.bpf_num_tables.argtypes = ctypes.c_size_t, [ctypes.c_void_p]
    lib.bpf_table_name.restype, lib.bpf_table_name.argtypes = ctypes.c_char_p, [ctypes.c_void_p, ctypes.c_size_t]
    lib.bpf_table_fd_id.restype, lib.bpf_table_fd_id.argtypes = ctypes.c_int, [ctypes.c_void_p, ctypes.c_size_t]
    return {
        lib.bpf_table_name(module, number).decode(): lib.bpf_table_fd_id(module, number)
        for number in range(lib.bpf_num_tables(module))
    }


def _libraries() -> tuple[str, ...]:
    """Files of the libraries that make up the compiler, as they are mapped here."""
    return tuple(sorted(set(_LIBRARY.findall(Path("/proc/self/maps").read_text()))))


def _send(connection: socket.socket, message: object, fds: Sequence[int] = ()) -> None:
    data = pickle.dumps(message)
    socket.send_fds(connection, [_SIZE.pack(len(data))], list(fds))
    connection.sendall(data)


def _receive(connection: socket.socket) -> tuple[Any, list[int]]:
    """A message and its descriptors. It comes from our own fork, so unpickling it is safe."""
    prefix, fds, _, _ = socket.recv_fds(connection, _SIZE.size, _MAX_FDS)
    if len(prefix) < _SIZE.size:
        raise EOFError
    with connection.makefile("rb") as stream:
        data = stream.read(_SIZE.unpack(prefix)[0])
    return pickle.loads(data), list(fds)  # noqa: S301
