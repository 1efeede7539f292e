"""Event files, as Python programs read them."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tracer_core.errors import RunError
from tracer_core.python.event import Event
from tracer_core.python.garbage import each
from tracer_core.python.known import known
from tracer_core.python.rows import BatchRows, StartupRows

if TYPE_CHECKING:
    import os
    from collections.abc import Generator, Iterable, Mapping
    from types import TracebackType
    from typing import Any

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.events import EventSet

AT_ONCE = 4096
"""Events of a batch: an event that is kept keeps those of its batch."""


class EventReader(Iterator[Event]):
    """The events of a file that is not sorted, as Retis' library gives them: the first one says what the run was.

    Args:
        path: Of the file.
        rotated: Go on with the files that follow it in its rotated set.
        startup: Give such events.

    Raises:
        RunError: it is no event file, or a sorted one.
        UsageError: there is no such file, or it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, rotated: bool = False, startup: bool = True) -> None:
        self._set = known().installed.open_set(Path(path), follow=rotated)
        self._check()
        self._events = self._objects(self._set, startup=startup)
        # a file that nobody reads to its end is closed, too
        weakref.finalize(self._events, self._set.__exit__, None, None, None)

    @classmethod
    def with_rotation(cls, path: str | os.PathLike[str]) -> Self:
        """The same of a file and of those that follow it in its rotated set."""
        return cls(path, rotated=True)

    def _check(self) -> None:
        if self._set.contents.is_sorted:
            with self._set:
                what = "Cannot create a EventReader from a sorted file. Use an SeriesReader instead"
                raise RunError(what)

    @staticmethod
    def _objects(files: EventSet, *, startup: bool) -> Generator[Event]:
        with files:
            yield from events_of(((files.about, batch) for batch in each(files.batches(AT_ONCE))), startup=startup)

    @property
    def about(self) -> About:
        """The run that the event given last is of."""
        return self._set.about

    @property
    def end(self) -> Mapping[str, Any]:
        """What was only known at the end of the run, losses for example, once the last event was given."""
        return self._set.end

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; no more events are given. It happens by itself at the end."""
        self._events.close()
        self._set.__exit__(None, None, None)

    def __iter__(self) -> Generator[Event]:
        return self._events  # faster than itself

    def __next__(self) -> Event:
        return next(self._events)


def events_of(batches: Iterable[tuple[About, EventBatch]], *, startup: bool) -> Iterator[Event]:
    """The events of batches, as objects.

    Args:
        batches: With the run that they are of.
        startup: Each run begins with an event that says what it was.
    """
    here, before = known(), None
    for about, batch in batches:
        if startup and about is not before:
            before = about
            yield Event(StartupRows(about, here), 0)
        yield from map(Event, repeat(BatchRows(batch, here)), range(batch.count))
