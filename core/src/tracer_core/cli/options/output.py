"""Where events go: text to stdout, or files."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tracer_core.cli.stdout import is_abandoned, say, unwritable
from tracer_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from tracer_core.display.text import TextFormat
    from tracer_core.events.about import About
    from tracer_core.events.batch import EventBatch
    from tracer_core.files.contents import Contents
    from tracer_core.files.target_files import TargetFiles
    from tracer_core.files.writer import EventWriter
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.sinks import BatchOutput, Sink
    from tracer_core.run.summary import Summary
    from tracer_core.run.tracked_data import TrackedDataRecords

F = TypeVar("F", bound="Callable[..., Any]")

DEFAULT_OUT = "tracer.arrow"
"""The file of a mere ``-o``."""


_MOST = 100_000  # events: some tens of MB

max_buffer_option: Callable[[F], F] = click.option(
    "--max-buffer",
    "most",
    type=click.IntRange(min=0),
    default=_MOST,
    show_default=True,
    metavar="COUNT",
    help="When sorting, at most so many events wait for others of their packet; 0 for any number.",
)
"""Gives a command that sorts events the option."""


class Kind(Enum):
    """Kinds of event files."""

    ARROW = (".arrow", ".arrows")
    JSON = (".json", ".jsonl", ".data", "")  # the last two as users of Retis name files
    PARQUET = (".parquet",)

    @classmethod
    def of(cls, path: Path, *, without: Kind | None = None) -> Kind:
        """The one that a file's name tells.

        Args:
            path: The file.
            without: One that the command does not write: the error for a name that tells none does not offer it.

        Raises:
            UsageError: it tells none.
        """
        found = next((kind for kind in cls if path.suffix in kind.value), None)
        if found is None:
            names = [f"FILE{kind.value[0]}" for kind in (cls.ARROW, cls.PARQUET) if kind is not without]
            hint = f"name it {', '.join(names)}{',' * (len(names) > 1)} or FILE.json, which is the format of Retis"
            raise UsageError(f"{path}: the name tells no format", hint=hint)
        if str(path) == "-":
            raise UsageError("-: no file has that name", hint="for JSON on stdout, name it /dev/stdout")
        return found


def open_output(path: Path, kind: Kind, *, limit: int = 0, count: int = 0) -> TargetFiles:
    """Open the file that events go to, or the first of them.

    Args:
        path: Where.
        kind: Of the file.
        limit: Bytes of each file, if there may be several.
        count: Of those, how many to keep; 0 for all.

    Raises:
        UsageError: it must not be overwritten, or cannot be written.
    """
    from tracer_core.files.target_files import TargetFiles  # noqa: PLC0415 - only for those who want it

    return TargetFiles(path, _ours(path, kind), limit=limit, count=count)


def _ours(path: Path, kind: Kind) -> Callable[[bytes], bool]:
    """What tells from the first bytes of a file whether it may be overwritten."""
    if kind is Kind.JSON:
        from tracer_core.files.json.writer import is_json_lines  # noqa: PLC0415 - ditto

        return is_json_lines
    if kind is Kind.ARROW:
        from tracer_core.files.arrow.schema import is_arrow_events  # noqa: PLC0415 - pyarrow takes its time

        return is_arrow_events
    from tracer_core.files.parquet import is_parquet_events  # noqa: PLC0415 - ditto

    return lambda _: is_parquet_events(path)  # only its end says who wrote it


def make_writer(files: TargetFiles, kind: Kind, about: About, contents: Contents) -> EventWriter:
    """What writes events of files to other files.

    Args:
        files: Where; they stay the caller's.
        kind: Of the files.
        about: The run that the events are of.
        contents: What they may have.
    """
    if kind is Kind.JSON:
        from tracer_core.files.json.writer import JsonLines  # noqa: PLC0415 - not for --help

        return JsonLines(files, about, is_sorted=contents.is_sorted)
    if kind is Kind.ARROW:
        from tracer_core.files.arrow.writer import ArrowEvents  # noqa: PLC0415 - pyarrow takes its time

        return ArrowEvents(files, about, contents)
    from tracer_core.files.parquet import ParquetEvents  # noqa: PLC0415 - ditto

    return ParquetEvents(files, about, contents)


def make_sinks(
    prepared: Prepared,
    files: TargetFiles | None,
    kind: Kind | None,
    text: TextFormat | None,
    *,
    sorting: Sorting | None = None,
    summary: Summary | None = None,
    pipe: tuple[int, int] | None = None,
) -> list[Sink]:
    """What takes the events of a run.

    Args:
        prepared: The run.
        files: Where they are written, if they are.
        kind: Of those files.
        text: How events are printed, if they are.
        sorting: How they are put together to journeys first, if they are.
        summary: Counts them, if anybody wants to know.
        pipe: To the program that started us, if it takes them: its descriptor, and bytes that may wait there.
    """
    from tracer_core.run import sinks  # noqa: PLC0415 - numpy, imported while events already come

    made: list[Sink] = []
    outputs: list[BatchOutput] = []
    about = sinks.about(prepared)
    if files is not None and kind is Kind.JSON:
        outputs.append(sinks.JsonOutput(files, about, is_sorted=sorting is not None))
    elif files is not None and sorting is not None:
        outputs.append(sinks.ArrowOutput(files, about, sorting.contents(prepared)))
    elif files is not None:
        made.append(sinks.ArrowSink(prepared, files, about, summary))
    if pipe is not None:
        from tracer_core.files.arrow.pipe import Pipe  # noqa: PLC0415 - pyarrow takes its time
        from tracer_core.run.stream import StreamOutput  # noqa: PLC0415 - ditto

        contents = sinks.contents(prepared) if sorting is None else sorting.contents(prepared)
        outputs.append(StreamOutput(Pipe(*pipe), about, contents))
    if text is not None:
        text.begin(about)
        outputs.append(Output(text, hint="stopped, and nothing is left attached"))
    if outputs and sorting is not None:
        made.append(sorting.sink(prepared, outputs, summary))
    elif outputs:
        # what is written to a file of its own by a sink of its own is counted there
        made.append(sinks.EventSink(prepared, outputs, None if made else summary))
    return made


@dataclass(frozen=True, slots=True)
class Sorting:
    """How the events of a run are put together to journeys.

    Attributes:
        tracked_data: What becomes of packets' data.
        most: Events that may wait; 0 for any number.
        timeout: Seconds after which a journey has ended of which nothing is heard.
        live: Events come now.
    """

    tracked_data: TrackedDataRecords
    most: int
    timeout: float
    live: bool

    def contents(self, prepared: Prepared) -> Contents:
        """What events have then."""
        from tracer_core.run.sort import sorted_run  # noqa: PLC0415 - pyarrow takes its time

        return sorted_run(prepared)

    def sink(self, prepared: Prepared, outputs: list[BatchOutput], summary: Summary | None) -> Sink:
        """What sorts them for outputs."""
        from tracer_core.run.sort import SortSink  # noqa: PLC0415 - pyarrow takes its time

        timeout = int(self.timeout * 1e9)
        return SortSink(
            prepared,
            self.tracked_data,
            outputs,
            most=self.most,
            timeout=timeout,
            live=self.live,
            summary=summary,
        )


class Output:
    """Writes the text of events to stdout.

    Args:
        text: Of an event.
        hint: What to say when stdout cannot be written any more.
    """

    def __init__(self, text: TextFormat, *, hint: str = "") -> None:
        self._text = text
        self._hint = hint

    def write(self, batch: EventBatch) -> None:
        """Write events.

        Raises:
            RunError: stdout was closed or cannot be written.
            PluginError: a collector's formatter failed.
        """
        say("".join(self._text.lines(batch)), hint=self._hint)

    def tick(self) -> None:
        """Look whether anybody still reads.

        Raises:
            RunError: nobody does.
        """
        if is_abandoned():
            raise unwritable(BrokenPipeError(), hint=self._hint)

    def end(self, facts: Mapping[str, Any]) -> None:  # noqa: ARG002 - text has no place for them
        """Write what separates the last series, if there are any, from what comes.

        Raises:
            RunError: stdout was closed or cannot be written.
        """
        if ending := self._text.end():
            say(ending, hint=self._hint)
