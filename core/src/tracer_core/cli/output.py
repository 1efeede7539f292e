"""Where events go: text to stdout, or files."""

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
from enum import Enum
from typing import TYPE_CHECKING, Any

from tracer_core.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from tracer_core.display.text import TextFormat
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.target_files import TargetFiles
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.sinks import BatchOutput, Sink

DEFAULT_OUT = "tracer.arrow"
"""The file of a mere ``-o``."""


class Kind(Enum):
    """Kinds of event files."""

    ARROW = (".arrow", ".arrows")
    JSON = (".json", ".jsonl")
    PARQUET = (".parquet",)

    @classmethod
    def of(cls, path: Path) -> Kind:
        """The one that a file's name tells.

        Raises:
            UsageError: it tells none.
        """
        found = next((kind for kind in cls if path.suffix in kind.value), None)
        if found is None:
            raise UsageError(f"{path}: the name tells no format", hint="name it FILE.arrow, FILE.json or FILE.parquet")
        return found


def open_output(path: Path, kind: Kind, *, limit: int = 0, count: int = 0) -> TargetFiles:
    """Open the file that events go to, or the first of them.

    Args:
        path: Where.
        kind: Of the file.
        limit: Bytes of each file, if there may be several.
        count: Of those, how many to keep; 0 for all.

    Raises:
        UsageError: it must not be overwritten, or cannot be written.
    """
    from tracer_core.files.target_files import TargetFiles  # noqa: PLC0415 - only for those who want it

    return TargetFiles(path, _ours(path, kind), limit=limit, count=count)


def _ours(path: Path, kind: Kind) -> Callable[[bytes], bool]:
    """What tells from the first bytes of a file whether it may be overwritten."""
    if kind is Kind.JSON:
        from tracer_core.files.json_lines import is_json_lines  # noqa: PLC0415 - ditto

        return is_json_lines
    if kind is Kind.ARROW:
        from tracer_core.files.arrow_schema import is_arrow_events  # noqa: PLC0415 - pyarrow takes its time

        return is_arrow_events
    from tracer_core.files.parquet import is_parquet_events  # noqa: PLC0415 - ditto

    return lambda _: is_parquet_events(path)  # only its end says who wrote it


def make_sinks(prepared: Prepared, files: TargetFiles | None, kind: Kind | None, text: TextFormat | None) -> list[Sink]:
    """What takes the events of a run.

    Args:
        prepared: The run.
        files: Where they are written, if they are.
        kind: Of those files.
        text: How events are printed, if they are.
    """
    from tracer_core.run import sinks  # noqa: PLC0415 - numpy, imported while events already come

    made: list[Sink] = []
    outputs: list[BatchOutput] = []
    about = sinks.about(prepared)
    if files is not None and kind is Kind.JSON:
        outputs.append(sinks.JsonOutput(files, about))
    elif files is not None:
        made.append(sinks.ArrowSink(prepared, files, about))
    if text is not None:
        text.begin(about)
        outputs.append(Output(text, hint="stopped, and nothing is left attached"))
    if outputs:
        made.append(sinks.EventSink(prepared, outputs))
    return made


class Output:
    """Writes the text of events to stdout.

    Args:
        text: Of an event.
        hint: What to say when stdout cannot be written any more.
    """

    def __init__(self, text: TextFormat, *, hint: str = "") -> None:
        self._text = text
        self._hint = hint

    def write(self, batch: EventBatch) -> None:
        """Write events.

        Raises:
            RunError: stdout was closed or cannot be written.
            PluginError: a collector's formatter failed.
        """
        say("".join(self._text.lines(batch)), hint=self._hint)

    def tick(self) -> None:
        """Look whether anybody still reads.

        Raises:
            RunError: nobody does.
        """
        if _is_abandoned():
            raise unwritable(BrokenPipeError(), hint=self._hint)

    def end(self, facts: Mapping[str, Any]) -> None:
        """There is nothing to do: what was written is out."""


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
    # with PYTHONUNBUFFERED, a write that a signal interrupts takes a part, and Python forgets the rest
    left = memoryview(text.encode(sys.stdout.encoding, sys.stdout.errors or "strict"))
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
    pager = _pager() if sys.stdout.isatty() else None
    if pager is not None:
        _page(texts, pager)
        return
    with suppress(ClosedError):
        for text in texts:
            say(text)


def _pager() -> list[str] | None:
    """The command that shows long text, if there is one."""
    command = shlex.split(os.environ.get("PAGER") or "less")
    wanted = command and not os.environ.get("NOPAGER") and shutil.which(command[0])
    return command if wanted else None


def _page(texts: Iterable[str], pager: list[str]) -> None:
    environment = {"LESS": "FRX", **os.environ}  # quits if one screen shows all
    with subprocess.Popen(pager, stdin=subprocess.PIPE, text=True, env=environment) as process:
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


def _is_abandoned() -> bool:
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
    return RunError(f"cannot write to stdout: {error.strerror}", hint=hint or "is the disk full?")
