"""Event files as arguments of commands: which, and the events in them."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.messages import warn_left_out
from tracer_core.cli.options.output import DEFAULT_OUT
from tracer_core.errors import UsageError
from tracer_core.paths import is_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from tracer_core.events.batch import EventBatch
    from tracer_core.files.events import EventSet
    from tracer_core.files.installed import Installed
    from tracer_core.plugins.declaration import Owner
    from tracer_core.types import Formatter

log = logging.getLogger(__name__)

F = TypeVar("F", bound="Callable[..., Any]")

_DEFAULTS = (DEFAULT_OUT, "retis.data")
_PATIENCE = 1.0  # seconds before a progress bar is worth its line

input_argument: Callable[[F], F] = click.argument(
    "file",
    type=click.Path(path_type=Path),
    required=False,
    metavar="[FILE[..]]",
    shell_complete=on_demand("values", "event_files"),
)
"""Gives a command an argument that :meth:`Input.open` takes."""


class Input:
    """What the installed collectors know of event files. Those that cannot be used are named in a warning."""

    def __init__(self) -> None:
        from tracer_core.files.installed import Installed  # noqa: PLC0415 - not for --help

        self.installed: Installed = Installed(warn_left_out)

    def open(self, path: Path | None) -> EventSet:
        """Open a file, or a file and those that follow it in its rotated set.

        Args:
            path: See :func:`named`.

        Raises:
            UsageError: there is no such file, or it cannot be opened.
            RunError: it is no event file, or one of a version that cannot be read.
        """
        file, follow = named(path)
        return self.installed.open_set(file, follow=follow)

    def sections(self) -> list[type[Any]]:
        """Those of the core and of the installed collectors, once each."""
        return self.installed.sections()

    def formatters(self) -> list[tuple[Owner, Formatter]]:
        """Those of the core and of the installed collectors."""
        return self.installed.formatters()


def named(path: Path | None) -> tuple[Path, bool]:
    """The file that the user means, and whether those that follow it in its rotated set are meant, too.

    Args:
        path: As the user named it: ``FILE``, or ``FILE..`` for the latter. If the user named none, what a mere
            ``tracer collect -o`` or Retis writes.

    Raises:
        UsageError: there is no such file.
    """
    from tracer_core.files.events import first_of  # noqa: PLC0415 - not for --help

    return first_of(path) if path is not None else _default()


def _default() -> tuple[Path, bool]:
    for name in _DEFAULTS:
        if is_file(Path(name)):
            return Path(name), True
        try:
            numbered = {file.suffix[1:]: file for file in Path().glob(f"{name}.*") if file.suffix[1:].isdecimal()}
        except PermissionError:  # to list what is here
            continue
        if numbered:
            return numbered[min(numbered, key=int)], True
    raise UsageError(f"there is no {' or '.join(_DEFAULTS)} here", hint="name an event file")


def batches(
    events: EventSet,
    at_once: int | None = None,
    *,
    progress: bool = False,
    stopped: Callable[[], object] = lambda: None,
) -> Iterator[EventBatch]:
    """The events of files, until a signal asks for an end.

    Args:
        events: Of these.
        at_once: Events of a batch, at most.
        progress: Show on stderr how far it is, if that is a terminal and it takes long.
        stopped: Called when a signal ends it.
    """
    from tracer_core.files.reader import AT_ONCE  # noqa: PLC0415 - not for --help

    bar = _Progress(events) if progress and sys.stderr.isatty() else None
    gc.disable()  # events make no cycles, and collecting them looks at all of a batch again and again
    with _signals() as received:
        try:
            for batch in events.batches(at_once or AT_ONCE):
                yield batch
                if bar is not None:
                    bar.update()
                if received:
                    log.info("Received signal, terminating...")
                    stopped()
                    return
        finally:
            gc.enable()
            if bar is not None:
                bar.close()


@contextmanager
def _signals() -> Iterator[list[int]]:
    received: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    before = [(number, signal.signal(number, note)) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGQUIT)]
    try:
        yield received
    finally:
        for number, handler in before:
            signal.signal(number, handler)


class _Progress:
    """A bar on stderr that appears when it is worth it."""

    def __init__(self, events: EventSet) -> None:
        self._events = events
        self._since = time.monotonic()
        self._bar: Any = None
        self._shown = 0

    def update(self) -> None:
        if self._bar is None:
            if time.monotonic() - self._since < _PATIENCE:
                return
            self._bar = click.progressbar(length=self._events.size, file=sys.stderr, show_pos=False)
            self._bar.__enter__()
        self._bar.length = self._events.size
        position = self._events.position
        self._bar.update(position - self._shown)
        self._shown = position

    def close(self) -> None:
        if self._bar is not None:
            self._bar.render_finish()
