"""``tracer stats``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from tracer_core.cli.options.input import Input, batches, input_argument
from tracer_core.cli.stdout import page
from tracer_core.errors import ExitCode, RunError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from tracer_core.display.stats import Stats
    from tracer_core.events.about import About
    from tracer_core.files.events import EventSet
    from tracer_core.run.summary import Summary
    from tracer_core.types import CollectorSpec


@click.command()
@input_argument
@click.option("--summary", "summarised", is_flag=True, help="Also say of how many packets, and why they were dropped.")
def stats(file: Path | None, *, summarised: bool) -> int:
    """Say what a file holds: how many events, from when to when, of which probes.

    FILE is as for tracer print. FILE.. goes on with the files that follow it in a rotated set.
    """
    known = Input()
    with known.open(file) as events:
        page(f"{line}\n" for line in _lines(events, known.installed.specs() if summarised else ()))
    return ExitCode.OK


def _lines(events: EventSet, specs: Sequence[CollectorSpec]) -> Iterator[str]:
    """The text.

    Args:
        events: Of the files.
        specs: Of the collectors that say what there is to count, if that is wanted.
    """
    from tracer_core.display.stats import Stats  # noqa: PLC0415 - not for --help
    from tracer_core.run.summary import Summary  # noqa: PLC0415 - ditto

    about, counted, damage = None, None, None
    summary = Summary(specs)
    try:
        for batch in batches(events, progress=not sys.stdout.isatty()):
            if events.about is not about:
                if counted is not None:
                    yield from _ended(counted, summary)
                    summary = Summary(specs)
                follows = _is_later(events.about, about, alone=not events.follows)
                if counted is not None and not follows:
                    yield ""
                about = events.about
                counted = Stats(about, is_sorted=events.contents.is_sorted, follows=follows)
            if counted is not None:
                counted.add(batch)
                summary.look(batch)
    except RunError as error:  # what came before is worth telling
        damage = error
    if counted is not None:
        yield from _ended(counted, summary)
    if damage is not None:
        raise damage


def _is_later(about: About, before: About | None, *, alone: bool) -> bool:
    """Whether another file of the set says of the run what need not be said again.

    Args:
        about: What the file says.
        before: What the one before it said, if one was read.
        alone: No other file of the set is read; Retis says it with the first one only.
    """
    if before is None:
        return alone and about.split is not None and about.split.number > 0
    return about.continues(before)


def _ended(counted: Stats, summary: Summary) -> Iterator[str]:
    yield from counted.lines()
    if summary.packets is not None:
        yield f"Number of packets: {summary.packets}"
    for tally in summary.tallies():
        yield f"{tally[0].upper()}{tally[1:]}"
