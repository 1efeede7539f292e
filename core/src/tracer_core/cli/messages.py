"""Messages to the user: on stderr, information bare, trouble with its level in front.

Who asks for more than information gets the time of each, too, and its level.
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

from tracer_core.cli.colour import BLUE, CYAN, RED, WHITE, YELLOW, in_colour
from tracer_core.display.printable import printable_lines
from tracer_core.levels import LogLevel

if TYPE_CHECKING:
    from tracer_core.errors import PluginError
    from tracer_core.events.batch import EventBatch

log = logging.getLogger(__name__)

_COLOURS = {
    LogLevel.ERROR: RED,
    LogLevel.WARN: YELLOW,
    LogLevel.INFO: BLUE,
    LogLevel.DEBUG: CYAN,
    LogLevel.TRACE: WHITE,
}


class _Format(logging.Formatter):
    converter = staticmethod(time.gmtime)  # as Retis

    def __init__(self, *, is_detailed: bool) -> None:
        super().__init__()
        self._is_detailed = is_detailed
        self._names: dict[int, str] = {
            level: in_colour(f"{level.name:<5}", colour, sys.stderr) for level, colour in _COLOURS.items()
        }

    def format(self, record: logging.LogRecord) -> str:
        # what is quoted must not begin a line: it might look like a message
        text = printable_lines(record.getMessage()).replace("\n", "\n  ")
        if not self._is_detailed and record.levelno == logging.INFO:
            return text
        line = f"{self._names.get(record.levelno, record.levelname)} {text}"
        return f"{self._time(record)} {line}" if self._is_detailed else line

    def _time(self, record: logging.LogRecord) -> str:
        return f"{self.formatTime(record, '%H:%M:%S')}.{int(record.created % 1 * 1e6):06d}"


def configure(level: str) -> None:
    """Send messages of that level and above to stderr.

    Args:
        level: Name of a :class:`~tracer_core.levels.LogLevel`, in small letters.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Format(is_detailed=LogLevel[level.upper()] < LogLevel.INFO))
    logging.basicConfig(level=LogLevel[level.upper()], handlers=[handler], force=True)


def log_level() -> LogLevel:
    """The least important messages that are shown."""
    return min((level for level in LogLevel if log.isEnabledFor(level)), default=LogLevel.ERROR)


def warn_left_out(error: PluginError, *, advise: bool = False) -> None:
    """Say that a collector cannot be used, and why.

    Args:
        error: That.
        advise: Also say what to do about it: somebody asked for the collector by name.
    """
    log.warning("left out: %s", " ".join(str(error if advise else error.message).split()))


class UnknownSections:
    """Warns of sections of a file that no installed collector declares, once each."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def look(self, batch: EventBatch) -> None:
        """Look at some events."""
        from tracer_core.events.form import UnknownSection  # noqa: PLC0415 - numpy, not for --help

        names = {section.form.name for section in batch.sections if issubclass(section.form.cls, UnknownSection)}
        names.update(name for others in batch.undeclared or () for name in others or ())
        for name in sorted(names - self._told):
            log.warning("no installed collector knows section %s like this: it is shown field by field", name)
        self._told |= names
