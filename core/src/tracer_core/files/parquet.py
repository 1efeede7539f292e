"""Events as Parquet, which most tools for tables take. A file is whole or useless, so none is written during a run."""

from __future__ import annotations

import json
from itertools import chain
from typing import IO, TYPE_CHECKING, Any

from pyarrow import parquet

from tracer_core.errors import RunError
from tracer_core.files.arrow.batch import BatchMaker
from tracer_core.files.arrow.reader import TROUBLE
from tracer_core.files.arrow.rows import Rows
from tracer_core.files.arrow.schema import MARK, read_schema, schema_of
from tracer_core.files.reader import AT_ONCE, EventReader, damaged
from tracer_core.files.writer import EventWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.target_files import TargetFiles
    from tracer_core.types import Upgrade

_END = b"tracer.end"
"""Key of the metadata with what was only known at the end."""


def is_parquet_events(path: Path) -> bool:
    """Whether a file was written here."""
    try:
        return MARK in (parquet.read_metadata(path).metadata or {})
    except TROUBLE:
        return False


class ParquetEvents(EventWriter):
    """Writes batches of events as row groups. Only :meth:`end` makes the file whole.

    Args:
        files: Where; they stay the caller's.
        about: Becomes part of the schema.
        contents: What the events may have.

    Raises:
        PluginError: a section cannot be held by such files.
        RunError: the target failed.
    """

    def __init__(self, files: TargetFiles, about: About, contents: Contents) -> None:
        super().__init__(files)
        schema = schema_of(contents, about)
        self._rows = Rows(schema)
        self._writer = parquet.ParquetWriter(files.target, schema, compression="zstd")

    def write(self, batch: EventBatch) -> None:
        """See :class:`~tracer_core.files.writer.EventWriter`; what was written before is lost if the target fails."""
        if batch.count:
            self._writer.write_batch(self._rows.batch(batch))
            self.events += batch.count

    def end(self, facts: Mapping[str, Any]) -> None:
        """See :class:`~tracer_core.files.writer.EventWriter`."""
        self._writer.add_key_value_metadata({_END: json.dumps(dict(facts))})
        self._writer.close()
        self._files.target.commit()


class ParquetEventsReader(EventReader[IO[bytes]]):
    """The events of a Parquet file; see :class:`~tracer_core.files.reader.EventReader`.

    Args:
        path: Of the file.
        sections: Classes of the sections that are known.
        upgrades: Of no use: files are as they were written.
    """

    def __init__(self, path: Path, sections: Iterable[type[Any]], upgrades: Iterable[Upgrade] = ()) -> None:
        super().__init__(path, sections, upgrades, lambda path: path.open("rb"))

    def batches(self, at_once: int = AT_ONCE) -> Iterator[EventBatch]:
        """See :class:`~tracer_core.files.reader.EventReader`."""
        given = 0
        yield self._make.none()
        # one row group after the other: pyarrow cannot put names of two together
        groups = range(self._file.num_row_groups)
        batches = chain.from_iterable(
            self._file.iter_batches(at_once, row_groups=[group], use_threads=False) for group in groups
        )
        while True:
            try:
                batch = next(batches)
                batch.validate(full=True)
                made = self._make.batch(batch)
            except StopIteration:
                break
            except TROUBLE as error:
                raise damaged(self.path, f"after {given} event(s)", error) from error
            given += made.count
            yield made
        self._tell_losses()

    def _begin(self) -> None:
        try:
            self._file = parquet.ParquetFile(self._source)
            schema = self._file.schema_arrow
            metadata = self._file.metadata.metadata or {}
        except TROUBLE as error:
            what = f"{self.path} is no event file: it is no whole Parquet file, and of a part nothing can be read"
            raise RunError(what, hint="make it again from what it was made of") from error
        try:
            self.about, self.contents = read_schema(schema, self._forms, str(self.path))
            self.end = dict(json.loads(metadata.get(_END, b"{}")))
        except TROUBLE as error:
            raise damaged(self.path, "in its schema", error) from error
        self._make = BatchMaker(schema, self.about, self.contents)
