"""``tracer convert``."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.options.input import Input, batches
from tracer_core.cli.options.output import Kind, make_writer, open_output
from tracer_core.errors import ExitCode, TracerError, UsageError
from tracer_core.paths import exists

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.events import EventSet

log = logging.getLogger(__name__)

_PATH = click.Path(path_type=Path)
_COLUMNAR = 1 << 16  # events of a batch, where a batch costs more than an event


@click.command()
@click.argument("source", type=_PATH, metavar="IN[..]", shell_complete=on_demand("values", "event_files"))
@click.argument("target", type=_PATH, metavar="OUT")
def convert(source: Path, target: Path) -> int:
    """Write the events of a file in another format, without loss.

    IN is any event file, of tracer or of Retis 1.5 and later, sorted or not; IN.. goes on with the files that follow it
    in a rotated set. The name of OUT tells its format: FILE.arrow, FILE.parquet, or FILE.json; FILE.data and FILE
    are JSON, too.
    """
    kind = Kind.of(target)
    at_once = None if kind is Kind.JSON else _COLUMNAR
    with Input().open(source) as events:
        facts: dict[str, str] = {}
        some = batches(events, at_once, progress=True, stopped=lambda: facts.update(INTERRUPTED))
        for _ in written(((events.about, batch) for batch in some), events, target, events.contents, facts):
            pass
    return ExitCode.OK


INTERRUPTED = {"stopped": "writing it was interrupted"}
"""What a file says at its end if it has only a part of the events."""


def written(
    batches: Iterable[tuple[About, EventBatch]],
    events: EventSet,
    path: Path,
    contents: Contents,
    facts: Mapping[str, str],
) -> Iterator[tuple[About, EventBatch]]:
    """The same events; they are written to a file as they are given.

    Args:
        batches: Events, with the run that they are of.
        events: What they come from.
        path: Of the file; its name tells the format.
        contents: What they may have.
        facts: More to say at the end of the file, once all were given.

    Raises:
        UsageError: the file is what they come from, or must not be overwritten.
        RunError: it cannot be written, or what the events come from is damaged: the file then says so at its end.
    """
    kind, run = Kind.of(path), events.about
    if exists(path) and path.samefile(events.reader.path):
        raise UsageError(f"{path} is both what is read and what is written", hint="name another file")
    with open_output(path, kind) as files:
        writer = make_writer(files, kind, replace(run, split=None), contents)
        try:
            for about, batch in batches:
                if about is not run:
                    if not about.continues(run):
                        writer.begin(replace(about, split=None))
                    run = about
                writer.write(batch)
                yield about, batch
        except TracerError as error:
            with suppress(TracerError):  # what is already on its way says more
                writer.end({**events.end, "stopped": str(error)})
            raise
        writer.end({**events.end, **facts})
    log.info("%d event(s) written to %s", writer.events, path)
