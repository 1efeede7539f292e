"""Messages to the user: on stderr, information bare, trouble with its level in front."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracer_core.errors import PluginError

log = logging.getLogger(__name__)

_LEVELS = {"error": logging.ERROR, "warn": logging.WARNING, "info": logging.INFO, "debug": logging.DEBUG}
_NAMES = {logging.ERROR: "ERROR", logging.WARNING: "WARN", logging.INFO: "INFO", logging.DEBUG: "DEBUG"}


class _Format(logging.Formatter):
    def __init__(self, *, bare_info: bool) -> None:
        super().__init__()
        self._bare_info = bare_info

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if self._bare_info and record.levelno == logging.INFO:
            return text
        return f"{_NAMES.get(record.levelno, record.levelname):<5} {text}"


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
