"""``tracer sort``."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.convert import INTERRUPTED, written
from tracer_core.cli.input import Input, batches, input_argument
from tracer_core.cli.output import Kind, max_buffer_option
from tracer_core.cli.print import texts
from tracer_core.cli.stdout import page
from tracer_core.cli.text import text_format, text_options
from tracer_core.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.events import EventSet
    from tracer_core.files.sort import Sorter
    from tracer_core.types import Join, Lookup

    Journeys = Iterator[tuple[About, EventBatch]]

log = logging.getLogger(__name__)

_AT_ONCE = 1 << 16


@click.command()
@input_argument
@max_buffer_option
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write events to a file instead of stdout: FILE.arrow, FILE.json or FILE.parquet.",
)
@click.option("--print", "also_print", is_flag=True, help="Print events, too, when they are written to a file.")
@text_options
def sort(file: Path | None, most: int, out: Path | None, also_print: bool, **values: Any) -> int:  # noqa: ANN401 - click's
    """Put the events of a file together to the journeys of packets, the earliest first.

    FILE is as for tracer print. Its events must say which packet they are of, as they do if they were collected with
    -c auto. An event of no packet is a journey of its own. When more events wait than may, the earliest journeys come
    out; what comes later of one is a journey again.
    """
    if also_print and out is None:
        raise UsageError("--print needs -o: without a file, events are printed anyway", hint="leave it out")
    known = Input()
    if out is not None:
        Kind.of(out)  # before anything is read
    with known.open(file) as events:
        if events.contents.is_sorted:
            log.info("File already sorted")
            return ExitCode.OK
        facts: dict[str, str] = {}
        sorting = _Sorting(known.identity(), known.joins(), known.lookups(), most)
        journeys = sorting.journeys(events, facts)
        if out is not None:
            journeys = written(journeys, events, out, sorting.contents(events), facts)
        if out is None or also_print:
            page(texts(journeys, text_format(known.formatters(), values, paged=True), values, is_sorted=True))
        for _ in journeys if out is not None else ():  # all, also if nobody reads them any more
            pass
        sorting.warn()
    return ExitCode.OK


class _Sorting:
    """How events are sorted, and what could not be.

    Args:
        identity: See :class:`~tracer_core.files.sort.Sorter`, as for the others.
        joins: Ditto.
        lookups: Ditto.
        most: Ditto.
    """

    def __init__(self, identity: str, joins: Sequence[Join], lookups: Sequence[Lookup], most: int) -> None:
        self._identity = identity
        self._joins = joins
        self._lookups = lookups
        self._most = most
        self._unjoined: Counter[str] = Counter()

    def contents(self, events: EventSet) -> Contents:
        """What the events have when they are sorted."""
        from tracer_core.files.sort import sorted_contents  # noqa: PLC0415 - pyarrow takes its time

        return sorted_contents(events.contents, self._joins)

    def journeys(self, events: EventSet, facts: dict[str, str]) -> Journeys:
        """The events of a file, sorted. If a signal ends that, the facts say so."""
        run, sorter = events.about, self._sorter(events)
        at_once = min(_AT_ONCE, self._most or _AT_ONCE)
        for batch in batches(events, at_once, progress=True, stopped=lambda: facts.update(INTERRUPTED)):
            if events.about is not run:
                if not events.about.continues(run):
                    yield from ((run, journey) for journey in self._finish(sorter))
                    sorter = self._sorter(events)
                run = events.about
            yield from ((run, journey) for journey in sorter.add(batch))
        yield from ((run, journey) for journey in self._finish(sorter))

    def warn(self) -> None:
        """Say what could not be sorted as it should."""
        from tracer_core.files.sort import warn_unjoined  # noqa: PLC0415 - pyarrow takes its time

        warn_unjoined(self._unjoined)

    def _sorter(self, events: EventSet) -> Sorter:
        from tracer_core.files.sort import Sorter  # noqa: PLC0415 - pyarrow takes its time

        return Sorter(events.contents, events.about, self._identity, self._most, self._joins, lookups=self._lookups)

    def _finish(self, sorter: Sorter) -> Iterator[EventBatch]:
        yield from sorter.finish()
        self._unjoined += sorter.unjoined
