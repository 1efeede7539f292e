"""``tracer sort``."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import click

from tracer_core.cli.commands.convert import INTERRUPTED, written
from tracer_core.cli.commands.print import texts
from tracer_core.cli.options.input import Input, batches, input_argument
from tracer_core.cli.options.output import Kind, max_buffer_option
from tracer_core.cli.options.text import TextChoice, text_format, text_options
from tracer_core.cli.stdout import page
from tracer_core.errors import ExitCode, UsageError

log = logging.getLogger(__name__)


@click.command()
@input_argument
@max_buffer_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write events to a file instead of stdout: FILE.arrow, FILE.parquet or FILE.json; FILE.data and FILE are "
    "JSON, too.",
)
@click.option("--print", "also_print", is_flag=True, help="Also print events that are written to a file.")
@text_options
def sort(file: Path | None, most: int, out: Path | None, also_print: bool, **values: Any) -> int:  # noqa: ANN401 - click's
    """Group the events of a file into the journeys of packets, the earliest first.

    FILE is as for tracer print. Its events must say which packet they are of, as they do if they were collected with
    -c auto. An event of no packet is a journey of its own. When more events wait than --max-buffer says, the earliest
    journeys are done; what comes later of one is a journey of its own.
    """
    if also_print and out is None:
        raise UsageError("--print needs -o: without a file, events are printed anyway", hint="leave it out")
    from tracer_core.sort.files import FileSorting  # noqa: PLC0415 - pyarrow takes its time

    known = Input()
    if out is not None:
        Kind.of(out)  # before anything is read
    with known.open(file) as events:
        if events.contents.is_sorted:
            log.info("File already sorted")
            return ExitCode.OK
        facts: dict[str, str] = {}
        sorting = FileSorting(known.installed, events, most)
        some = batches(events, sorting.at_once, progress=True, stopped=lambda: facts.update(INTERRUPTED))
        journeys = sorting.journeys(some)
        if out is not None:
            journeys = written(journeys, events, out, sorting.contents, facts)
        if out is None or also_print:
            choice = TextChoice(**values)
            page(texts(journeys, text_format(known.formatters(), choice, paged=True), choice, is_sorted=True))
        for _ in journeys if out is not None else ():  # all, also if nobody reads them any more
            pass
        sorting.warn()
    return ExitCode.OK
