"""Messages to the user: on stderr, information bare, trouble with its level in front."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

from tracer_core.cli.colour import BLUE, CYAN, RED, YELLOW, in_colour

if TYPE_CHECKING:
    from tracer_core.errors import PluginError
    from tracer_core.events.batch import EventBatch

log = logging.getLogger(__name__)

_LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
_COLOURS = {logging.ERROR: RED, logging.WARNING: YELLOW, logging.INFO: BLUE, logging.DEBUG: CYAN}
_NAMES = {logging.ERROR: "ERROR", logging.WARNING: "WARN", logging.INFO: "INFO", logging.DEBUG: "DEBUG"}


class _Format(logging.Formatter):
    def __init__(self, *, bare_info: bool) -> None:
        super().__init__()
        self._bare_info = bare_info
        self._names = {level: in_colour(f"{name:<5}", _COLOURS[level], sys.stderr) for level, name in _NAMES.items()}

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if self._bare_info and record.levelno == logging.INFO:
            return text
        return f"{self._names.get(record.levelno, record.levelname)} {text}"


def configure(level: str) -> None:
    """Send messages of that level and above to stderr.

    Args:
        level: ``error``, ``warn``, ``info`` or ``debug``.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Format(bare_info=level != "debug"))
    logging.basicConfig(level=_LEVELS[level], handlers=[handler], force=True)


def warn_left_out(error: PluginError) -> None:
    """Say that a collector cannot be used, and why."""
    log.warning("left out: %s", " ".join(error.message.split()))


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
