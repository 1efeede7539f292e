"""Where the text of events goes."""

from __future__ import annotations

import os
import select
import sys
from typing import TYPE_CHECKING

from tracer_core.errors import RunError

if TYPE_CHECKING:
    from tracer_core.display.text import TextFormat
    from tracer_core.sections import Event


class Output:
    """Writes the text of events to stdout, a batch at a time."""

    def __init__(self, text: TextFormat) -> None:
        self._text = text

    def emit(self, events: list[Event]) -> None:
        """Write a batch; an empty one only looks whether anybody still reads.

        Raises:
            RunError: stdout was closed or cannot be written.
            PluginError: a collector's formatter failed.
        """
        text = "".join(map(self._text.text, events))
        try:
            if not events and _is_abandoned():
                raise BrokenPipeError
            sys.stdout.write(text)
            sys.stdout.flush()
        except OSError as error:
            raise unwritable(error, hint="stopped, and nothing is left attached") from error


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
