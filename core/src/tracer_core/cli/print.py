"""``tracer print``."""

from __future__ import annotations

import logging
import os
import sys
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.messages import warn_left_out
from tracer_core.cli.output import DEFAULT_OUT, Output
from tracer_core.cli.text import text_format, text_options
from tracer_core.errors import ExitCode, TracerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.sections import Event

log = logging.getLogger(__name__)

_AT_ONCE = 1024  # events


@click.command("print")
@click.argument("file", type=click.Path(path_type=Path), default=DEFAULT_OUT)
@text_options
def print_command(file: Path, **values: Any) -> int:  # noqa: ANN401 - click's parameters
    """Print the events of a file, as they were printed when they were collected.

    FILE is what tracer collect -o wrote, or JSON lines of Retis; tracer.arrow if not named. What is in it decides, not
    its name. Long text goes through a pager at a terminal, unless NOPAGER is set.
    """
    # imported here, so that --help need not pay for it
    from tracer_core.files.events import open_events  # noqa: PLC0415
    from tracer_core.own import FORMATTERS, OWNER, SECTIONS  # noqa: PLC0415
    from tracer_core.plugins.declare import formatters  # noqa: PLC0415
    from tracer_core.plugins.host import Host  # noqa: PLC0415

    collectors = list(Host().usable(warn_left_out))
    sections = chain(SECTIONS, *(collector.spec.sections for collector in collectors))
    with open_events(file, dict.fromkeys(sections)) as events:
        own = [(OWNER, formatter) for formatter in FORMATTERS]
        theirs = [(collector.owner, found) for collector in collectors for found in formatters(collector)]
        text = text_format(own + theirs, events.about.clock_offset, values)
        if sys.stdout.isatty() and not os.environ.get("NOPAGER"):
            os.environ.setdefault("LESS", "FRX")  # quits if one screen shows all
            click.echo_via_pager(map(text.text, _telling(events)))
        else:
            output = Output(text)
            for some in _pieces(_telling(events)):
                output.write(some)
    return ExitCode.OK


def _telling(events: Iterable[Event]) -> Iterator[Event]:
    """The events; of sections that no installed collector declares a warning says so, once each."""
    from tracer_core.files.unknown import UnknownSection  # noqa: PLC0415 - not for --help

    told: set[str] = set()
    for event in events:
        for name, section in event.sections.items():
            if isinstance(section, UnknownSection) and name not in told:
                told.add(name)
                log.warning("no installed collector knows section %s like this: it is shown field by field", name)
        yield event


def _pieces(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events, many at a time; if the file turns out to be damaged, all before that first."""
    some: list[Event] = []
    try:
        for event in events:
            some.append(event)
            if len(some) == _AT_ONCE:
                yield some
                some = []
    except TracerError:
        yield some
        raise
    yield some
