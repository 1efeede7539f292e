"""Text for stdout, and what becomes of it."""

from __future__ import annotations

import errno
import io
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tracer_core.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable


def say(text: str, *, hint: str = "") -> None:
    """Write text to stdout.

    Args:
        text: Any.
        hint: What to say when stdout cannot be written any more.

    Raises:
        ClosedError: nobody reads it any more.
        RunError: it cannot be written.
    """
    try:
        _write(text)
    except OSError as error:
        raise unwritable(error, hint=hint) from error


def _write(text: str) -> None:
    raw = getattr(sys.stdout, "buffer", None)
    if not isinstance(raw, io.RawIOBase):
        sys.stdout.write(text)
        sys.stdout.flush()
        return
    _write_all(raw, text.encode(sys.stdout.encoding, sys.stdout.errors or "strict"))


def pour(data: bytes) -> None:
    """Write bytes to stdout, all of them before it returns.

    Raises:
        ClosedError: nobody reads it any more.
        RunError: it cannot be written.
    """
    buffer: Any = sys.stdout.buffer
    try:
        _write_all(getattr(buffer, "raw", buffer), data)
    except OSError as error:
        raise unwritable(error) from error


def _write_all(raw: io.RawIOBase, data: bytes) -> None:
    # without a buffer, a write that a signal interrupts takes a part, and Python forgets the rest
    left = memoryview(data)
    while left:
        count = raw.write(left)
        if count is None:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        left = left[count:]


def page(texts: Iterable[str]) -> None:
    """Write long text to stdout, at a terminal through a pager, unless NOPAGER is set. Stop when nobody reads any more.

    Raises:
        RunError: stdout cannot be written.
    """
    command = pager() if sys.stdout.isatty() else None
    if command is not None:
        _page(texts, command)
        return
    with suppress(ClosedError):
        for text in texts:
            say(text)


def pager() -> list[str] | None:
    """The command that shows long text, if there is one.

    Raises:
        UsageError: PAGER is no command line.
    """
    if os.environ.get("NOPAGER"):
        return None
    wish = os.environ.get("PAGER") or "less"
    try:
        command = shlex.split(wish)
    except ValueError as error:
        raise UsageError(f"PAGER is {wish!r}: {str(error).lower()}", hint="correct it, or set NOPAGER=1") from error
    return command if command and shutil.which(command[0]) else None


def _page(texts: Iterable[str], command: list[str]) -> None:
    environment = {"LESS": "FRX", **os.environ}  # quits if one screen shows all
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, text=True, errors="backslashreplace", env=environment
    ) as process:
        stdin = process.stdin
        try:
            for text in texts:
                stdin.write(text)  # type: ignore[union-attr] # it is a pipe
        except BrokenPipeError:
            pass  # the user has seen enough
        finally:
            # ^C is for the pager, which ends when its user wants it to
            before = signal.signal(signal.SIGINT, signal.SIG_IGN)
            with suppress(BrokenPipeError):
                stdin.close()  # type: ignore[union-attr] # ditto
            process.wait()
            signal.signal(signal.SIGINT, before)


def is_abandoned() -> bool:
    """Whether stdout is a pipe that nobody reads any more: quiet networks would never tell."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(state & select.POLLERR for _, state in poll.poll(0))


class ClosedError(RunError):
    """Nobody reads stdout any more."""


def unwritable(error: OSError, *, hint: str = "") -> RunError:
    """The error for a stdout that does not take what is written to it. Nothing more can be written there.

    Args:
        error: What writing raised.
        hint: What the user can do, or need not.
    """
    # what Python still holds for stdout must not fail again at exit
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return ClosedError("stdout was closed by its reader", hint=hint)
    if error.errno == errno.EBADF:
        return RunError("stdout is closed", hint=hint)
    return RunError(f"cannot write to stdout: {error.strerror}", hint=hint or "is the disk full?")
