"""Events as JSON lines, in the format of Retis 1.7, which its library and scripts read.

What that format has no place for is written beside it, where its readers ignore it: sections that it does not know,
and a section ``tracer`` in events that need one. ``docs/reference/files.md`` has all of it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tracer_core.files.json.events import texts_of
from tracer_core.files.json.form import compact
from tracer_core.files.json.startup import OWN, startup_line
from tracer_core.files.writer import EventWriter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.target_files import TargetFiles

# what a conversion wrote tells who recorded it, as whose it was
_OURS = re.compile(
    rb'\[?\{"common":\{"timestamp":\d+\},"startup":\{"retis_version":"v[0-9.]+\+[^\n]+"tracer":\{"probes":\['
)


def is_json_lines(head: bytes) -> bool:
    """Whether a file that begins like this was written here."""
    return _OURS.match(head) is not None


def empty_size(about: About) -> int:
    """Bytes of a file without events: of its first line."""
    return len(startup_line(about)) + 1


class JsonLines(EventWriter):
    """Writes events, a line each, or if they are sorted a line for each series. What a call wrote is whole lines.

    Args:
        files: Where; they stay the caller's.
        about: Becomes the first line.
        is_sorted: Events come in series.

    Raises:
        RunError: the first line cannot be written.
    """

    def __init__(self, files: TargetFiles, about: About, *, is_sorted: bool = False) -> None:
        super().__init__(files)
        self._about = about
        self._is_sorted = is_sorted
        self._last = about.started
        self._series: list[str] = []
        self._number: int | None = None
        self._begin()

    def write(self, batch: EventBatch) -> None:
        """See :class:`~tracer_core.files.writer.EventWriter`."""
        if not batch.count:
            return
        texts = texts_of(batch)
        self._last = batch.header["timestamp"].tolist()[-1]
        if batch.series is None:
            self._write([self._line(text) for text in texts], [1] * len(texts))
        else:
            self._collect(texts, batch.series.tolist())

    def begin(self, about: About) -> None:
        """What comes next is of another run: a line says so."""
        self._write_series()
        self._about = about
        self._write([self._line(startup_line(self._files.numbered(about)))], [0])

    def flush(self) -> None:
        """Write the series whose events were the last: no more of them come."""
        self._write_series()

    def end(self, facts: Mapping[str, Any]) -> None:
        """Write what is only known at the end, if it matters to who reads the file: losses, for example.

        It takes a line of its own, which to others is an event without data.

        Args:
            facts: What JSON can hold, by name.
        """
        self._write_series()
        if facts:
            self._write([self._line(compact({"common": {"timestamp": self._last}, OWN: {"end": dict(facts)}}))], [0])

    def _begin(self) -> None:
        self._put(self._line(startup_line(self._files.numbered(self._about))).encode("ascii"))
        self._is_new = True

    def _line(self, event: str) -> str:
        return f"[{event}]\n" if self._is_sorted else f"{event}\n"

    def _collect(self, texts: Sequence[str], series: Sequence[int]) -> None:
        for text, number in zip(texts, series, strict=True):
            if number != self._number:
                self._write_series()
                self._number = number
            self._series.append(text)

    def _write_series(self) -> None:
        if self._series:
            self._write([self._line(",".join(self._series))], [len(self._series)])
            self._series.clear()

    def _write(self, lines: Sequence[str], events: Sequence[int]) -> None:
        """Write lines of so many events each; if the file is full, some of them in the next."""
        first = 0
        while first < len(lines):
            last = self._room(lines, first)
            if last == first and not self._is_new:
                self._files.advance()
                self._begin()
                continue
            last = max(last, first + 1)  # what no file has room for is alone in one
            self._put("".join(lines[first:last]).encode("ascii"))
            self._is_new = False
            self.events += sum(events[first:last])
            first = last

    def _room(self, lines: Sequence[str], first: int) -> int:
        """The first line for which the present file has no room."""
        if not self._files.limit:
            return len(lines)
        size = 0
        for at in range(first, len(lines)):
            size += len(lines[at])
            if not self._files.fits(size):
                return at
        return len(lines)
