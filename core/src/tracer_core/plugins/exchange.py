"""What sessions and the thread that takes events hand to each other: neither ever waits for the other (ADR 0028)."""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from tracer_core.errors import PluginError
from tracer_core.plugins.declaration import BUG
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.plugins.declaration import Owner
    from tracer_core.types import Columns
    from tracer_core.wire import Layout

WATCHED = 1 << 16
"""Events that may wait for a session, if it does not say."""

_REPORTED = 1 << 12  # events that may wait to be taken from sessions


class Watch:
    """Events of a section as they come, for a session.

    Args:
        section: Its class.
        most: Of events, so many may wait to be taken.
    """

    section: type[Any]
    """Its class."""
    missed: int
    """Events that came while too many waited."""

    def __init__(self, section: type[Any], most: int) -> None:
        self.section = section
        self.missed = 0
        self._most = most
        self._batches: deque[tuple[int, Columns]] = deque()
        self._waiting = 0
        self._is_open = True
        self._changed = threading.Condition()

    def take(self, timeout: float | None = None) -> list[Columns]:
        """What has come since the last call, oldest first: columns of the section as its record has them.

        Waits until there is something, at most so many seconds. Gives nothing if nothing came, or it is closed.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._batches or not self._is_open, timeout)
            taken = [columns for _, columns in self._batches]
            self._batches.clear()
            self._waiting = 0
        return taken

    def close(self) -> None:
        """No more is wanted: whoever waits in :meth:`take` goes on."""
        with self._changed:
            self._is_open = False
            self._changed.notify_all()

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return self._is_open

    def offer(self, columns: Columns, count: int) -> None:
        """Add so many events, if not too many wait: for who takes events."""
        with self._changed:
            if not self._is_open:
                return
            if self._waiting >= self._most:
                self.missed += count
                return
            self._batches.append((count, columns))
            self._waiting += count
            self._changed.notify_all()


class Report(NamedTuple):
    """An event that a session reports.

    Attributes:
        time: When it was reported, in ns of ``CLOCK_MONOTONIC``.
        value: Its only section.
    """

    time: int
    value: Any


class Exchange:
    """Of a run: who watches what, and what is reported."""

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        """All, once the run has begun."""
        self.reported: list[Layout] = []
        """Sections that may be reported."""
        self.lost: Counter[str] = Counter()
        """Reports that came while too many waited to be taken, by collector."""
        self.has_begun = False
        """Nothing new can be watched or reported."""
        self._reports: deque[Report] = deque()
        self._lock = threading.Lock()

    def begin(self) -> None:
        """From now on nothing new can be watched or reported."""
        self.has_begun = True

    def add(self, collector: str, value: Any) -> None:  # noqa: ANN401 - an instance of any section
        """Report an event: one of a collector."""
        with self._lock:
            if len(self._reports) >= _REPORTED:
                self.lost[collector] += 1
            else:
                self._reports.append(Report(time.clock_gettime_ns(time.CLOCK_MONOTONIC), value))

    def take(self) -> list[Report]:
        """What was reported since the last call, in order."""
        if not self._reports:  # as nearly always; what comes now is taken by the next call
            return []
        with self._lock:
            taken = list(self._reports)
            self._reports.clear()
        return taken


@dataclass(frozen=True, slots=True)
class Link:
    """What a session has of it.

    Attributes:
        exchange: Of the run.
        owner: Whose session it is.
        sections: Those of the collector.
    """

    exchange: Exchange
    owner: Owner
    sections: tuple[type[Any], ...]

    def watch(self, section: type[Any], most: int) -> Watch:
        """See :meth:`tracer_core.plugins.session.Session.watch`."""
        layout = self._own(section, "watches")
        if layout.reported:
            raise PluginError(f"{self.owner}: it watches {layout.name}, which no program records", hint=BUG)
        watch = Watch(section, most)
        self.exchange.watches.append(watch)
        return watch

    def reporter(self, section: type[Any]) -> Callable[[Any], None]:
        """See :meth:`tracer_core.plugins.session.Session.reporter`."""
        layout = self._own(section, "reports")
        if not layout.reported:
            message = f"{self.owner}: it reports {layout.name}, which is not declared with reported=True"
            raise PluginError(message, hint=BUG)
        if layout not in self.exchange.reported:
            self.exchange.reported.append(layout)

        def report(value: Any) -> None:  # noqa: ANN401 - of the section
            if not isinstance(value, section):
                raise PluginError(f"{self.owner}: it reported {value!r}, which is no {section.__name__}", hint=BUG)
            self.exchange.add(self.owner.name, value)

        return report

    def _own(self, section: type[Any], does: str) -> Layout:
        if section not in self.sections:
            raise PluginError(f"{self.owner}: it {does} {section!r}, which is not among its sections", hint=BUG)
        if self.exchange.has_begun:
            message = f"{self.owner}: it says that it {does} {layout_of(section).name} when the run has begun"
            raise PluginError(message, hint=BUG)
        return layout_of(section)
