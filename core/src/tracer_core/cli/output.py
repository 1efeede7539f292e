"""Where the text of events goes."""

from __future__ import annotations

import os
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
        """Write a batch.

        Raises:
            RunError: stdout was closed or cannot be written.
            PluginError: a collector's formatter failed.
        """
        if not events:
            return
        try:
            sys.stdout.write("".join(map(self._text.text, events)))
            sys.stdout.flush()
        except BrokenPipeError as error:
            # what Python still holds for stdout must not fail again at exit
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise RunError("stdout was closed by its reader", hint="stopped; nothing is left attached") from error
        except OSError as error:
            raise RunError(f"cannot write to stdout: {error.strerror}", hint="stopped; nothing is left attached") from error
