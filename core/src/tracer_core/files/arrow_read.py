"""Events from Arrow files that were written here, whole or cut anywhere."""

from __future__ import annotations

import io
import json
import logging
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from pyarrow import ipc

from tracer_core.errors import RunError
from tracer_core.files.about import tell_losses
from tracer_core.files.arrow_form import CHARS, to_python
from tracer_core.files.arrow_schema import COMMON, FORMAT, MARK, META, told_by
from tracer_core.files.reader import EventReader
from tracer_core.files.unknown import UnknownSection
from tracer_core.sections import Event, Header
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

    from tracer_core.files.arrow_schema import SectionForm

log = logging.getLogger(__name__)

_TROUBLE = (pa.ArrowException, OSError, EOFError, ValueError, TypeError, LookupError, OverflowError)
_OTHERS = {
    b"ARROW1": "it is an Arrow file, not a stream",
    b"PAR1": "it is a Parquet file",
    b"{": "it may be JSON",
}
_AT_ONCE = 2048  # objects of many more events keep the garbage collector busy
_DAMAGED = "the file is damaged"
_END = b"\xff\xff\xff\xff\0\0\0\0"  # of streams; a file that has it is not cut


class ArrowEventsReader(EventReader["_Source"]):
    """The events of an Arrow file; see :class:`~tracer_core.files.reader.EventReader`.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known.
    """

    def __init__(self, path: Path, sections: Iterable[type[Any]]) -> None:
        self.whole = False
        """The file has its end, once the last event was given. A warning said so if not."""
        super().__init__(path, sections, _Source)

    def __iter__(self) -> Iterator[Event]:
        """The events. If the file is cut, those of whole batches, and then a warning that says where.

        Raises:
            RunError: the file is damaged. The events before the damage have been given.
        """
        given = 0
        for batch in self.batches():
            for first in range(0, batch.num_rows, _AT_ONCE):
                try:
                    events = self._events(batch.slice(first, _AT_ONCE))
                except _TROUBLE as error:
                    raise self._wrong(f"after {given} event(s)", error) from error
                given += len(events)
                yield from events

    def batches(self) -> Iterator[pa.RecordBatch]:
        """The same as Arrow has it, some thousand events at a time."""
        given = 0
        while True:
            try:
                batch, metadata = self._stream.read_next_batch_with_custom_metadata()
                batch.validate(full=True)
                if metadata is not None:
                    self.end, self.whole = dict(json.loads(metadata[META])["end"]), True
            except StopIteration:
                break
            except _TROUBLE as error:
                if not self._source.short:
                    raise self._wrong(f"after {given} event(s)", error) from error
                break
            if batch.num_rows:
                given += batch.num_rows
                yield batch
        if not self.whole:
            message = "%s ends early, at byte %d: the run was killed or the disk full; the %d events before are whole"
            log.warning(message, self._path, self._source.size, given)
        tell_losses(self._path, self.end)

    def _begin(self, sections: Iterable[type[Any]]) -> None:
        if not self._source.size:
            raise RunError(f"{self._path} is empty", hint="name an event file")
        head = self._source.head
        try:
            self._stream = ipc.open_stream(self._source)
            metadata = self._stream.schema.metadata or {}
        except _TROUBLE as error:
            if self._source.short and MARK in head:
                raise RunError(f"{self._path} ends at byte {self._source.size}, before the first event") from error
            reason = next((why for magic, why in _OTHERS.items() if head.startswith(magic)), "it is no Arrow stream")
            raise RunError(f"{self._path} is no Arrow event file: {reason}", hint="name an event file") from error
        if MARK not in metadata:
            what = f"{self._path} is no event file: an Arrow stream that tracer did not write"
            raise RunError(what, hint="name an event file")
        try:
            version = int(metadata[MARK])
            if version <= FORMAT:
                self.about, forms = told_by(metadata)
                self._sections = _makers(self._stream.schema, forms, sections)
        except _TROUBLE as error:
            raise self._wrong("in its schema", error) from error
        if version > FORMAT:
            what = f"{self._path} has version {version} of the format, and this tracer reads up to {FORMAT}"
            raise RunError(what, hint="read it with a newer one")

    def _events(self, batch: pa.RecordBatch) -> list[Event]:
        common = batch.column(COMMON)
        task = common.field("task")
        columns = [common.field("timestamp"), common.field("lost"), task.field("pid"), task.field("tgid")]
        columns += [common.field("smp_id"), common.field("probe")]
        timestamp, lost, pid, tgid, cpu, probe = (to_python(column, "") for column in columns)
        comm = to_python(task.field("comm"), CHARS)
        # which record it was in is no matter of the event
        headers = map(Header, timestamp, [0] * len(lost), lost, pid, tgid, cpu, probe, comm)
        sections: list[dict[str, Any]] = [{} for _ in range(batch.num_rows)]
        for name, (forms, make) in self._sections.items():
            column, holders = batch.column(name), sections
            if column.null_count:
                rows = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False)).tolist()
                column, holders = column.drop_null(), [sections[row] for row in rows]
            values = [to_python(column.field(field), form) for field, form in forms.items()]
            for holder, value in zip(holders, zip(*values, strict=True), strict=True):
                holder[name] = make(value)
        probes = self.about.probes
        return [Event(header, probes[header.probe], held) for header, held in zip(headers, sections, strict=True)]

    def _wrong(self, where: str, error: BaseException) -> RunError:
        reason = str(error).partition("\n")[0] or type(error).__name__
        return RunError(f"{self._path}, {where}: {reason}", hint=_DAMAGED)


def _makers(
    schema: pa.Schema, forms: Mapping[str, SectionForm], sections: Iterable[type[Any]]
) -> dict[str, tuple[dict[str, str], Callable[[tuple[Any, ...]], tuple[Any, ...]]]]:
    """For each section of a file, the forms of its fields, and what makes a section of their values."""
    known = {layout.name: layout for layout in map(layout_of, sections)}
    found: dict[str, tuple[dict[str, str], Callable[[tuple[Any, ...]], tuple[Any, ...]]]] = {}
    for name, section in forms.items():
        names = tuple(section.fields)
        if names != tuple(field.name for field in schema.field(name).type):
            raise ValueError(f"section {name} has other fields than told")
        layout = known.get(name)
        if layout and layout.version == section.version and names == tuple(field.name for field in layout.fields):
            found[name] = section.fields, layout.cls._make
        else:
            found[name] = section.fields, type("UnknownSection", (UnknownSection,), {"_fields": names})
    return found


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

    def read(self, size: int = -1, /) -> bytes:
        left = self.size - self._file.tell()
        wanted = left if size < 0 else size
        self.short = self.short or (left < wanted and not self._ended)
        return self._file.read(min(wanted, left))

    def close(self) -> None:
        self._file.close()
        super().close()
