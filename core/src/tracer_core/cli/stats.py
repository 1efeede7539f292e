"""``tracer stats``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tracer_core.cli.input import Input, batches, input_argument
from tracer_core.cli.stdout import page
from tracer_core.errors import ExitCode, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.files.events import EventSet


@click.command()
@input_argument
def stats(file: Path | None) -> int:
    """Say what a file holds: how many events, from when to when, of which probes.

    FILE is as for tracer print. FILE.. goes on with the files that follow it in a rotated set.
    """
    with Input().open(file) as events:
        page(f"{line}\n" for line in _lines(events))
    return ExitCode.OK


def _lines(events: EventSet) -> Iterator[str]:
    from tracer_core.display.stats import Stats  # noqa: PLC0415 - not for --help

    about, counted, damage = None, None, None
    try:
        for batch in batches(events, progress=not sys.stdout.isatty()):
            if events.about is not about:
                if counted is not None:
                    yield from counted.lines()
                follows = about is not None and events.about.continues(about)
                about = events.about
                counted = Stats(about, is_sorted=events.contents.is_sorted, follows=follows)
            if counted is not None:
                counted.add(batch)
    except RunError as error:  # what came before is worth telling
        damage = error
    if counted is not None:
        yield from counted.lines()
    if damage is not None:
        raise damage
