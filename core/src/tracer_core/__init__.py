"""Trace packets through the Linux network stack: event files, events and runs, for Python programs.

    import tracer_core as tracer

Who writes a collector imports ``tracer_core.api``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from tracer_core.errors import MachineError, PluginError, RunError, TracerError, UsageError
    from tracer_core.python.event import Event
    from tracer_core.python.file import EventFile
    from tracer_core.python.file import open_file as open  # noqa: A004 - as in tracer.open()
    from tracer_core.python.live import Run, collect
    from tracer_core.python.reading import EventReader
    from tracer_core.python.section import Section
    from tracer_core.python.series import EventSeries, SeriesReader
else:
    # the command line and collectors import this package, too, and must not wait for all of that
    _PLACES = {
        "Event": "python.event",
        "EventFile": "python.file",
        "EventReader": "python.reading",
        "EventSeries": "python.series",
        "MachineError": "errors",
        "PluginError": "errors",
        "Run": "python.live",
        "RunError": "errors",
        "Section": "python.section",
        "SeriesReader": "python.series",
        "TracerError": "errors",
        "UsageError": "errors",
        "collect": "python.live",
        "open": "python.file:open_file",
    }

    def __getattr__(name: str) -> object:
        """A name of the Python API, imported when it is asked for."""
        from importlib import import_module  # noqa: PLC0415 - most who import this package want none of it

        if name not in _PLACES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        module, _, attribute = _PLACES[name].partition(":")
        found = globals()[name] = getattr(import_module(f"{__name__}.{module}"), attribute or name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *_PLACES})


__all__ = [
    "Event",
    "EventFile",
    "EventReader",
    "EventSeries",
    "MachineError",
    "PluginError",
    "Run",
    "RunError",
    "Section",
    "SeriesReader",
    "TracerError",
    "UsageError",
    "__version__",
    "collect",
    "open",
]
