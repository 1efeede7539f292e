"""A call in a process of its own: that it crashes, or takes too long, is an error like another."""

from __future__ import annotations

import os
import pickle
import select
import signal
import time
from typing import TYPE_CHECKING, NoReturn, TypeVar

from tracer_core.errors import TracerError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def apart(call: Callable[[], T], seconds: float) -> T:
    """Make a call in a copy of this process.

    Args:
        call: What to do; its result can be pickled.
        seconds: How long it may take.

    Raises:
        TracerError: it raised that.
        TimeoutError: it took longer.
        ChildProcessError: the copy died.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        _answer(call, writer)
    os.close(writer)
    try:
        answer = pickle.loads(_read(reader, time.monotonic() + seconds))  # noqa: S301 - written by ourselves
    except EOFError as error:
        raise ChildProcessError("the process died") from error
    finally:
        os.close(reader)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if isinstance(answer, TracerError):
        raise answer
    result: T = answer
    return result


def _read(reader: int, deadline: float) -> bytes:
    found = bytearray()
    while True:
        if not select.select([reader], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise TimeoutError("it took too long")
        if not (piece := os.read(reader, 1 << 20)):
            return bytes(found)
        found += piece


def _answer(call: Callable[[], T], writer: int) -> NoReturn:
    code = 1
    try:
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # whoever reports crashes reports those of the run
        answer: object
        try:
            answer = call()
        except TracerError as error:
            answer = error
        with os.fdopen(writer, "wb") as pipe:
            pickle.dump(answer, pipe)
        code = 0
    finally:
        os._exit(code)
