"""Event files, sorted: the journeys of each run that is in them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tracer_core.sort.sorter import Sorter, sorted_contents, warn_unjoined

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.events import EventSet
    from tracer_core.files.installed import Installed

_AT_ONCE = 1 << 16


class FileSorting:
    """How the events of files are sorted, and what could not be.

    Args:
        known: What the installed collectors know.
        events: Of these files, which are not sorted.
        most: So many events may wait; 0 for any number.

    Raises:
        UsageError: no installed collector can tell which packet an event is of.
    """

    def __init__(self, known: Installed, events: EventSet, most: int) -> None:
        self._identity, self._joins, self._lookups = known.identity(), known.joins(), known.lookups()
        self._events = events
        self._most = most
        self._unjoined: Counter[str] = Counter()
        self.at_once = min(_AT_ONCE, most or _AT_ONCE)
        """Events that a batch which is to be sorted should have, at most."""

    @property
    def contents(self) -> Contents:
        """What the events have when they are sorted."""
        return sorted_contents(self._events.contents, self._joins)

    def journeys(self, batches: Iterable[EventBatch]) -> Iterator[tuple[About, EventBatch]]:
        """The events, sorted, with the run that they are of: of a rotated set, what its first file says of it.

        Journeys come when later files are read already, so which of them says it would be by chance. Of a run without
        events, a batch of none.

        Args:
            batches: Of the files, as they are read.
        """
        run = file = self._events.about
        sorter, seen = self._sorter(), 0
        for batch in batches:
            if self._events.about is not file:
                before, file = file, self._events.about
                if not file.continues(before):
                    yield from ((run, journey) for journey in self._finish(sorter))
                    run, sorter, seen = file, self._sorter(), 0
            seen += batch.count
            if not seen:
                yield run, batch
            yield from ((run, journey) for journey in sorter.add(batch))
        yield from ((run, journey) for journey in self._finish(sorter))

    def warn(self) -> None:
        """Say what could not be sorted as it should."""
        warn_unjoined(self._unjoined)

    def _sorter(self) -> Sorter:
        events = self._events
        return Sorter(events.contents, events.about, self._identity, self._most, self._joins, lookups=self._lookups)

    def _finish(self, sorter: Sorter) -> Iterator[EventBatch]:
        yield from sorter.finish()
        self._unjoined += sorter.unjoined
