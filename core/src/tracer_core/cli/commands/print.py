"""``tracer print``."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.messages import UnknownSections
from tracer_core.cli.options.input import Input, batches, input_argument
from tracer_core.cli.options.text import TextChoice, text_format, text_options
from tracer_core.cli.stdout import page
from tracer_core.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tracer_core.display.text import TextFormat
    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch


log = logging.getLogger(__name__)


@click.command("print")
@input_argument
@text_options
def print_command(file: Path | None, **values: Any) -> int:  # noqa: ANN401 - click's parameters
    """Print the events of a file, as tracer collect prints them.

    FILE is what tracer collect -o wrote, or a file of Retis 1.5 and later; sorted files are shown series by series.
    Its content tells which, not its name. FILE.. goes on with the files that follow it in a rotated set. Without FILE,
    tracer.arrow or the first of its set, or else retis.data likewise. Long text goes through a pager at a terminal,
    unless NOPAGER is set.
    """
    known, choice = Input(), TextChoice(**values)
    text = text_format(known.formatters(), choice, paged=True)
    with known.open(file) as events:
        some = ((events.about, batch) for batch in batches(events, progress=not sys.stdout.isatty()))
        page(texts(some, text, choice, is_sorted=events.contents.is_sorted))
    return ExitCode.OK


def texts(
    batches: Iterable[tuple[About, EventBatch]], text: TextFormat, choice: TextChoice, *, is_sorted: bool
) -> Iterator[str]:
    """The text of events, some at a time, each run after what its file says of it.

    Args:
        batches: The events, with the run that they are of.
        text: How they are shown.
        choice: The same, as the user said so.
        is_sorted: They are in series.
    """
    from tracer_core.display.startup import startup_text  # noqa: PLC0415 - not for --help

    unknown, before, count = UnknownSections(), None, 0
    for about, batch in batches:
        if about is not before:
            before = about
            yield text.end() + startup_text(about, choice.options, dates=choice.utc)
            if is_sorted and not choice.multi_line:
                yield "\n"  # it is a series of its own
            text.begin(about)
        unknown.look(batch)
        count += batch.count
        if batch.count:
            yield "".join(text.lines(batch))
    yield text.end()
    if not count:
        log.info("There are no events in the file")
