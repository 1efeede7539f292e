"""An event file, or a rotated set of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Self

from tracer_core.errors import RunError
from tracer_core.python.columns import Columns
from tracer_core.python.html import table
from tracer_core.python.known import known
from tracer_core.python.reading import EventReader
from tracer_core.python.series import MOST, SeriesReader, sorted_series

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from tracer_core.events.about import About
    from tracer_core.files.tables import RecordBatchReader
    from tracer_core.python.event import Event
    from tracer_core.python.series import EventSeries


class EventFile(Columns):
    """An event file: an Arrow stream, Parquet or JSON lines, of tracer or of Retis 1.5 and later, sorted or not.

    It can be read as often as one likes, each time from its beginning.

    Args:
        path: Of the file.
        rotated: Go on with the files that follow it in its rotated set.

    Raises:
        RunError: it is no event file.
        UsageError: there is no such file, or it cannot be opened.
    """

    def __init__(self, path: str | os.PathLike[str], *, rotated: bool = False) -> None:
        self.path = Path(path)
        """Of the file."""
        self.rotated = rotated
        """The files that follow it in its rotated set are meant, too."""
        with known().installed.open_set(self.path, follow=False) as found:
            self.about: About = found.about
            """What the file says of its run."""
            self._sorted = found.contents.is_sorted

    @classmethod
    def with_rotation(cls, path: str | os.PathLike[str]) -> Self:
        """A file and those that follow it in its rotated set, as Retis' library has it: not if it is sorted."""
        made = cls(path, rotated=True)
        if made.sorted():
            raise RunError("Cannot use rotation on event series")
        return made

    def sorted(self) -> bool:
        """Whether its events are in series."""
        return self._sorted

    def __iter__(self) -> Iterator[Event]:
        """The events, in the order of the file."""
        if self._sorted:
            return (event for series in self.journeys() for event in series)
        return iter(EventReader(self.path, rotated=self.rotated, startup=False))

    def journeys(self, most: int = MOST) -> Iterator[EventSeries]:
        """The journeys of packets, one after the other, the earliest first.

        A file that is not sorted is sorted while it is read, as ``tracer sort`` does it.

        Args:
            most: Of events that are sorted, so many may wait for others of their packet; 0 for any number.

        Raises:
            UsageError: no installed collector can tell which packet an event is of.
        """
        if self._sorted:
            return iter(SeriesReader(self.path, rotated=self.rotated, startup=False))
        return sorted_series(self.path, rotated=self.rotated, most=most)

    def events(self) -> EventReader:
        """The events as Retis' library gives them: the first one says what the run was.

        Raises:
            RunError: the file is sorted.
        """
        return EventReader(self.path, rotated=self.rotated, startup=True)

    def series(self) -> SeriesReader:
        """The journeys of a sorted file as Retis' library gives them: the first is the event of the run.

        Raises:
            RunError: the file is not sorted.
        """
        return SeriesReader(self.path, rotated=self.rotated, startup=True)

    def arrow(self) -> RecordBatchReader:
        """See :class:`~tracer_core.python.columns.Columns`."""
        from tracer_core.files.tables import table_of  # noqa: PLC0415 - pyarrow takes its time

        return table_of(known().installed.open_set(self.path, follow=self.rotated))

    def __repr__(self) -> str:
        return f"EventFile({str(self.path)!r}{', rotated=True' if self.rotated else ''})"

    def _repr_html_(self) -> str:
        about = self.about
        return table(
            {
                "file": str(self.path) + (" and those that follow" if self.rotated else ""),
                "sorted": self._sorted,
                "recorded by": about.writer,
                "command": about.command,
                "machine": f"{about.kernel_release} {about.kernel_version} {about.hardware}",
                "probes": ", ".join(probe.symbol for probe in about.probes),
                "sections": ", ".join(about.sections),
            }
        )


def open_file(path: str | os.PathLike[str], *, rotated: bool = False) -> EventFile:
    """Open an event file: an Arrow stream, Parquet or JSON lines, of tracer or of Retis 1.5 and later, sorted or not.

    Args:
        path: Of the file.
        rotated: Go on with the files that follow it in its rotated set.

    Raises:
        RunError: it is no event file.
        UsageError: there is no such file, or it cannot be opened.
    """
    return EventFile(path, rotated=rotated)
