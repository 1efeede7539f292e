"""``tracer convert``."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracer_core.cli.input import Input, batches
from tracer_core.cli.output import Kind, open_output
from tracer_core.errors import ExitCode, TracerError, UsageError

if TYPE_CHECKING:
    from tracer_core.files.events import EventSet
    from tracer_core.files.target_files import TargetFiles
    from tracer_core.files.writer import EventWriter

log = logging.getLogger(__name__)

_PATH = click.Path(path_type=Path)
_INTERRUPTED = "the conversion was interrupted"
_COLUMNAR = 1 << 16  # events of a batch, where a batch costs more than an event


@click.command()
@click.argument("source", type=_PATH, metavar="IN[..]")
@click.argument("target", type=_PATH, metavar="OUT")
def convert(source: Path, target: Path) -> int:
    """Write the events of a file in another format, without loss.

    IN is any event file, of tracer or of Retis 1.5 and later, sorted or not; IN.. goes on with the files that follow it
    in a rotated set. The name of OUT tells its format: FILE.arrow, FILE.json or FILE.parquet.
    """
    kind = Kind.of(target)
    with Input().open(source) as events:
        if target.exists() and target.samefile(events.reader.path):
            raise UsageError(f"{target} is both what is read and what is written", hint="name another file")
        with open_output(target, kind) as files:
            count = _convert(events, files, kind)
    log.info("%d event(s) written to %s", count, target)
    return ExitCode.OK


def _convert(events: EventSet, files: TargetFiles, kind: Kind) -> int:
    """Write all events.

    Returns:
        How many they are.
    """
    run = events.about
    writer = _writer(files, kind, events)
    at_once = None if kind is Kind.JSON else _COLUMNAR
    facts: dict[str, str] = {}
    try:
        for batch in batches(events, at_once, progress=True, stopped=lambda: facts.update(stopped=_INTERRUPTED)):
            if events.about is not run:
                if not events.about.continues(run):
                    writer.begin(replace(events.about, split=None))
                run = events.about
            writer.write(batch)
    except TracerError as error:
        with suppress(TracerError):  # what is already on its way says more
            writer.end({**events.end, "stopped": str(error)})
        raise
    writer.end({**events.end, **facts})
    return writer.events


def _writer(files: TargetFiles, kind: Kind, events: EventSet) -> EventWriter:
    """What writes events like these."""
    about, contents = replace(events.about, split=None), events.contents
    if kind is Kind.JSON:
        from tracer_core.files.json_lines import JsonLines  # noqa: PLC0415 - not for --help

        return JsonLines(files, about, is_sorted=contents.is_sorted)
    if kind is Kind.ARROW:
        from tracer_core.files.arrow import ArrowEvents  # noqa: PLC0415 - pyarrow takes its time

        return ArrowEvents(files, about, contents)
    from tracer_core.files.parquet import ParquetEvents  # noqa: PLC0415 - ditto

    return ParquetEvents(files, about, contents)
