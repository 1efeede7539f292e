"""Any event file, whatever its name: what is in it decides. And sets of them."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from tracer_core.errors import RunError, TracerError, UsageError
from tracer_core.files.reader import AT_ONCE, opened
from tracer_core.paths import exists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.reader import EventReader
    from tracer_core.types import Upgrade

log = logging.getLogger(__name__)

_ARROW = b"\xff\xff\xff\xff"  # how a message of an Arrow stream begins
_PARQUET = b"PAR1"
_OTHERS = {
    b"ARROW1": "it is an Arrow file, not a stream",
    b"\x0a\x0d\x0d\x0a": "it is a pcapng file",
    b"\xd4\xc3\xb2\xa1": "it is a pcap file",
    b"\x1f\x8b": "it is compressed: unpack it first",
    b"\x28\xb5\x2f\xfd": "it is compressed: unpack it first",
}


def open_events(path: Path, sections: Iterable[type[Any]], upgrades: Iterable[Upgrade] = ()) -> EventReader[Any]:
    """Open an event file: an Arrow stream, a Parquet file or JSON lines.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known.
        upgrades: How sections of older files differ.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
        RunError: it is no event file, or one of a version that cannot be read.
    """
    head = opened(path, _head)
    if head.startswith(_ARROW):
        from tracer_core.files.arrow.reader import ArrowEventsReader  # noqa: PLC0415 - pyarrow takes its time

        return ArrowEventsReader(path, sections, upgrades)
    if head.startswith(_PARQUET):
        from tracer_core.files.parquet import ParquetEventsReader  # noqa: PLC0415 - ditto

        return ParquetEventsReader(path, sections, upgrades)
    if head.lstrip()[:1] in {b"{", b"["}:
        from tracer_core.files.json.reader import JsonLinesReader  # noqa: PLC0415 - only for those who want it

        return JsonLinesReader(path, sections, upgrades)
    reason = next((what for magic, what in _OTHERS.items() if head.startswith(magic)), "")
    reason = reason or ("it is neither an Arrow stream, nor Parquet, nor JSON lines" if head else "it is empty")
    raise RunError(f"{path} is no event file: {reason}", hint="name a file of tracer collect -o")


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


class EventSet:
    """The events of a file, or of that file and of those that follow it in a rotated set.

    Args:
        path: Of the first file.
        sections: See :func:`open_events`, as for *upgrades*.
        upgrades: Ditto.
        follow: Go on with the next files of the set.

    Raises:
        UsageError: there is no such file, or it cannot be opened.
        RunError: it is no event file, or one of a version that cannot be read.
    """

    def __init__(
        self, path: Path, sections: Iterable[type[Any]], upgrades: Iterable[Upgrade] = (), *, follow: bool = False
    ) -> None:
        self._sections = tuple(sections)
        self._upgrades = tuple(upgrades)
        self.follows = self._follow = follow
        """The files that follow it are asked for, too."""
        self._files = ExitStack()
        self._read = 0
        self.reader = self._files.enter_context(open_events(path, self._sections, self._upgrades))
        self.size = path.stat().st_size
        """Bytes of the files that are known to be read."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        self._files.close()

    @property
    def about(self) -> About:
        """The run that the batch given last is of."""
        return self.reader.about

    @property
    def contents(self) -> Contents:
        """What the events may have."""
        return self.reader.contents

    @property
    def end(self) -> Mapping[str, Any]:
        """What was only known at the end of the run, once the last event was given."""
        return self.reader.end

    @property
    def position(self) -> int:
        """How many bytes were read so far."""
        return self._read + self.reader.position

    def batches(self, at_once: int = AT_ONCE) -> Iterator[EventBatch]:
        """The events of all files; see :meth:`~tracer_core.files.reader.EventReader.batches`."""
        yield from self.reader.batches(at_once)
        while self._follow and self._advance():
            yield from self.reader.batches(at_once)

    def _advance(self) -> bool:
        """Open the next file of the set, if there is one."""
        before, path = self.reader.about, self.reader.path
        if before.split is None:
            return False
        number = before.split.number
        if path.suffix != f".{number}":
            log.warning("%s: its name does not end in .%d, its number in its set: it is read alone", path, number)
            return False
        following = path.with_suffix(f".{number + 1}")
        if not following.is_file():
            return self._advance_to_last(path.with_suffix(""))
        reader = open_events(following, self._sections, self._upgrades)
        if not reader.about.continues(before):
            with reader:  # how our run ended stays known
                log.warning("%s is of another run than %s: it is left out", following, path)
            return False
        self._go_on_with(reader)
        return True

    def _advance_to_last(self, path: Path) -> bool:
        """Open the file that has no number yet, because the run goes on or was killed, if it is of this set."""
        self._follow = False
        if not path.is_file():
            return False
        try:
            reader = open_events(path, self._sections, self._upgrades)
        except TracerError:
            return False
        if not reader.about.continues(self.reader.about):
            with reader:
                return False
        self._go_on_with(reader)
        return True

    def _go_on_with(self, reader: EventReader[Any]) -> None:
        self._read += self.reader.position
        self._files.close()
        self.reader = self._files.enter_context(reader)
        self.size += reader.path.stat().st_size


def first_of(path: Path) -> tuple[Path, bool]:
    """The file that an argument names, and whether those that follow it in its set are meant, too: ``FILE..``.

    Raises:
        UsageError: there is no such file, or we may not look.
    """
    follow = path.name.endswith("..") and path.name != ".." and not exists(path)
    named = path.with_name(path.name.removesuffix("..")) if follow else path
    try:
        named.stat()
    except OSError as error:
        raise UsageError(f"cannot read {named}: {error.strerror}", hint="name an event file") from error
    return named, follow
