"""How important a message is."""

from __future__ import annotations

from enum import IntEnum


class LogLevel(IntEnum):
    """Levels of ``--log-level`` and of ``TRACER_LOG``. Values are those of :mod:`logging`, the lowest is ours."""

    ERROR = 40
    WARN = 30
    INFO = 20
    DEBUG = 10
    TRACE = 5
