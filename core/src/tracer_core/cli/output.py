"""Where events go: text to stdout, or files."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING, Any

from tracer_core.errors import RunError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tracer_core.display.text import TextFormat
    from tracer_core.files.target import Target
    from tracer_core.run.prepare import Prepared
    from tracer_core.run.sinks import EventOutput, Sink
    from tracer_core.sections import Event


DEFAULT_OUT = "tracer.arrow"
"""The file of a mere ``-o``."""

_JSON, _ARROW = (".json", ".jsonl"), (".arrow", ".arrows")


def open_output(path: Path) -> Target:
    """Open the file that events go to, in the format that its name tells.

    Raises:
        UsageError: its name tells no format, or it must not be overwritten.
    """
    from tracer_core.files.json_lines import is_json_lines  # noqa: PLC0415 - only for those who want it
    from tracer_core.files.target import open_target  # noqa: PLC0415

    if path.suffix in _JSON:
        return open_target(path, is_json_lines)
    if path.suffix not in _ARROW:
        raise UsageError(f"-o {path}: the name tells no format", hint="name it FILE.arrow or FILE.json")
    from tracer_core.files.arrow_schema import is_arrow_events  # noqa: PLC0415 - pyarrow takes its time

    return open_target(path, is_arrow_events)


def make_sinks(prepared: Prepared, target: Target | None, text: TextFormat | None) -> list[Sink]:
    """What takes the events of a run.

    Args:
        prepared: The run.
        target: The file, if there is one.
        text: How events are printed, if they are.
    """
    from tracer_core.run import sinks  # noqa: PLC0415 - numpy, imported while events already come

    made: list[Sink] = []
    outputs: list[EventOutput] = []
    if target is not None and target.path.suffix in _JSON:
        outputs.append(sinks.JsonOutput(prepared, target))
    elif target is not None:
        made.append(sinks.ArrowSink(prepared, target))
    if text is not None:
        outputs.append(Output(text, hint="stopped, and nothing is left attached"))
    if outputs:
        made.append(sinks.EventSink(prepared, outputs))
    return made


class Output:
    """Writes the text of events to stdout.

    Args:
        text: Of an event.
        hint: What to say when stdout cannot be written any more.
    """

    def __init__(self, text: TextFormat, *, hint: str = "") -> None:
        self._text = text
        self._hint = hint

    def write(self, events: list[Event]) -> None:
        """Write some.

        Raises:
            RunError: stdout was closed or cannot be written.
            PluginError: a collector's formatter failed.
        """
        text = "".join(map(self._text.text, events))
        try:
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            raise unwritable(error, hint=self._hint) from error

    def tick(self) -> None:
        """Look whether anybody still reads.

        Raises:
            RunError: nobody does.
        """
        if _is_abandoned():
            raise unwritable(BrokenPipeError(), hint=self._hint)

    def end(self, facts: Mapping[str, Any]) -> None:
        """There is nothing to do: what was written is out."""


def _is_abandoned() -> bool:
    """Whether stdout is a pipe that nobody reads any more: quiet networks would never tell."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return any(state & select.POLLERR for _, state in poll.poll(0))


def unwritable(error: OSError, *, hint: str = "") -> RunError:
    """The error for a stdout that does not take what is written to it. Nothing more can be written there.

    Args:
        error: What writing raised.
        hint: What the user can do, or need not.
    """
    # what Python still holds for stdout must not fail again at exit
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
    if isinstance(error, BrokenPipeError):
        return RunError("stdout was closed by its reader", hint=hint)
    return RunError(f"cannot write to stdout: {error.strerror}", hint=hint or "is the disk full?")
