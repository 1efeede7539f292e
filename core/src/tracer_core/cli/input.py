"""Event files as arguments of commands: which, and the events in them."""

from __future__ import annotations

import gc
import logging
import signal
import sys
import time
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.messages import warn_left_out
from tracer_core.cli.output import DEFAULT_OUT
from tracer_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from tracer_core.events.batch import EventBatch
    from tracer_core.files.events import EventSet
    from tracer_core.plugins.declaration import Owner
    from tracer_core.plugins.host import Collector
    from tracer_core.types import CollectorSpec, Formatter, Join, Lookup

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
    """What the installed collectors know of event files."""

    def __init__(self) -> None:
        from tracer_core.plugins.host import Host  # noqa: PLC0415 - not for --help

        self._collectors: list[Collector] = list(Host().usable(warn_left_out))

    def open(self, path: Path | None) -> EventSet:
        """Open a file, or a file and those that follow it in its rotated set.

        Args:
            path: As the user named it: ``FILE``, or ``FILE..`` for the latter. If the user named none, what a mere
                ``tracer collect -o`` or Retis writes.

        Raises:
            UsageError: there is no such file, or it cannot be opened.
            RunError: it is no event file, or one of a version that cannot be read.
        """
        from tracer_core.files.events import EventSet, first_of  # noqa: PLC0415 - not for --help
        from tracer_core.plugins.declare import upgrades  # noqa: PLC0415 - ditto

        named, follow = first_of(path) if path is not None else _default()
        changes = chain.from_iterable(map(upgrades, self._collectors))
        return EventSet(named, self.sections(), changes, follow=follow)

    def sections(self) -> list[type[Any]]:
        """Those of the core and of the installed collectors, once each."""
        from tracer_core.own import SECTIONS  # noqa: PLC0415 - not for --help
        from tracer_core.sections import Packet  # noqa: PLC0415 - ditto

        theirs = chain.from_iterable(collector.spec.sections for collector in self._collectors)
        return list(dict.fromkeys((*SECTIONS, Packet, *theirs)))

    def identity(self) -> str:
        """Public name of the section that says which packet an event is of.

        Raises:
            UsageError: no installed collector declares one.
        """
        from tracer_core.wire import layout_of  # noqa: PLC0415 - not for --help

        for collector in self._collectors:
            if collector.spec.identity is not None:
                return layout_of(collector.spec.identity).name
        what = "no installed collector can tell which packet an event is of"
        raise UsageError(what, hint="install one that follows packets; see: tracer plugins")

    def specs(self) -> list[CollectorSpec]:
        """What the installed collectors say of themselves."""
        return [collector.spec for collector in self._collectors]

    def joins(self) -> tuple[Join, ...]:
        """What the installed collectors say of how events are put together."""
        from tracer_core.plugins.joins import joins_of  # noqa: PLC0415 - not for --help

        return tuple(join for collector in self._collectors for join in joins_of(collector.spec))

    def lookups(self) -> tuple[Lookup, ...]:
        """What the installed collectors say of what events are told by others."""
        return tuple(lookup for collector in self._collectors for lookup in collector.spec.lookups)

    def formatters(self) -> list[tuple[Owner, Formatter]]:
        """Those of the core and of the installed collectors."""
        from tracer_core.own import FORMATTERS, OWNER  # noqa: PLC0415 - not for --help
        from tracer_core.plugins.declare import formatters  # noqa: PLC0415 - ditto

        own = [(OWNER, formatter) for formatter in FORMATTERS]
        return own + [(collector.owner, found) for collector in self._collectors for found in formatters(collector)]


def _default() -> tuple[Path, bool]:
    for name in _DEFAULTS:
        if Path(name).is_file():
            return Path(name), True
        numbered = {file.suffix[1:]: file for file in Path().glob(f"{name}.*") if file.suffix[1:].isdecimal()}
        if numbered:
            return numbered[min(numbered, key=int)], True
    raise UsageError(f"there is no {DEFAULT_OUT} here", hint="name an event file")


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
