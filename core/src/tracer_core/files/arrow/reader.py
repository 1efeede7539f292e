"""Events from Arrow files that were written here, whole or cut anywhere."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyarrow import ipc

from tracer_core.errors import RunError
from tracer_core.files.arrow.batch import BatchMaker
from tracer_core.files.arrow.schema import MARK, META, read_schema
from tracer_core.files.reader import AT_ONCE, EventReader, damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tracer_core.events.batch import EventBatch
    from tracer_core.types import Upgrade

log = logging.getLogger(__name__)

TROUBLE = (pa.ArrowException, OSError, EOFError, ValueError, TypeError, LookupError, OverflowError, RecursionError)
"""What reading a damaged file fails with."""

_END = b"\xff\xff\xff\xff\0\0\0\0"  # of streams; a file that has it is not cut


class ArrowEventsReader(EventReader["_Source"]):
    """The events of an Arrow file; see :class:`~tracer_core.files.reader.EventReader`.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known.
        upgrades: Of no use: files are as they were written.
    """

    def __init__(self, path: Path, sections: Iterable[type[Any]], upgrades: Iterable[Upgrade] = ()) -> None:
        self.whole = False
        """The file has its end, once the last event was given. A warning said so if not."""
        super().__init__(path, sections, upgrades, _Source)

    def batches(self, at_once: int = AT_ONCE) -> Iterator[EventBatch]:
        """See :class:`~tracer_core.files.reader.EventReader`."""
        given = 0
        yield self._make.none()
        while True:
            try:
                batch, metadata = self._stream.read_next_batch_with_custom_metadata()
                batch.validate(full=True)
                if metadata is not None:
                    self.end, self.whole = dict(json.loads(metadata[META])["end"]), True
            except StopIteration:
                break
            except TROUBLE as error:
                if not self._source.short:
                    raise damaged(self.path, f"after {given} event(s)", error) from error
                break
            for first in range(0, batch.num_rows, at_once):
                try:
                    made = self._make.batch(batch.slice(first, at_once))
                except TROUBLE as error:
                    raise damaged(self.path, f"after {given} event(s)", error) from error
                given += made.count
                yield made
        if not self.whole:
            message = "%s ends early, at byte %d: the run was killed or the disk full; the %d events before are whole"
            log.warning(message, self.path, self._source.size, given)
        self._tell_losses()

    def _begin(self) -> None:
        if not self._source.size:
            raise RunError(f"{self.path} is empty", hint="name an event file")
        try:
            self._stream = ipc.open_stream(self._source)
        except TROUBLE as error:
            if self._source.short and MARK in self._source.head:
                raise RunError(f"{self.path} ends at byte {self._source.size}, before the first event") from error
            raise RunError(f"{self.path} is no event file: it is no Arrow stream", hint="name an event file") from error
        try:
            self.about, self.contents = read_schema(self._stream.schema, self._forms, str(self.path))
        except TROUBLE as error:
            raise damaged(self.path, "in its schema", error) from error
        self._make = BatchMaker(self._stream.schema, self.about, self.contents)


class _Source(io.RawIOBase):
    """A file that is never asked for more than it has, and notes when more was wanted: then it was cut."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._file = path.open("rb")
        try:
            self.head = self._file.read(1 << 16)
            self.size = self._file.seek(0, io.SEEK_END)
            self._file.seek(max(0, self.size - len(_END)))
            self._ended = self._file.read() == _END
            self._file.seek(0)
        except BaseException:
            self._file.close()
            raise
        self.short = False

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._file.tell()

    def read(self, size: int = -1, /) -> bytes:
        left = self.size - self._file.tell()
        wanted = left if size < 0 else size
        self.short = self.short or (left < wanted and not self._ended)
        return self._file.read(min(wanted, left))

    def close(self) -> None:
        self._file.close()
        super().close()
