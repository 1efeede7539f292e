"""The text of an event: a first line and parts, laid out as Retis lays them out.

``TIMESTAMP (CPU) [TASK] PID/TGID [KIND] SYMBOL`` and, in multi-line format, parts on lines of their own, indented
by two, and an empty line after the event; in single-line format everything on one line.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError
from tracer_core.plan.ordering import ordered
from tracer_core.types import Place
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.plugins.declaration import Owner
    from tracer_core.sections import Event, Header, ProbeInfo
    from tracer_core.types import Formatter, TextOptions

_INDENT = "  "


class TextFormat:
    """Turns events into text.

    Args:
        formatters: Of the collectors, with their owners.
        options: How the user wants it.
        clock_offset: ns that the time of day was ahead of the events' clock: times are shown as dates, in UTC. Nothing
            if they are shown as they are.

    Raises:
        PluginError: two collectors format one section.
    """

    def __init__(
        self,
        formatters: Iterable[tuple[Owner, Formatter]],
        options: TextOptions,
        *,
        clock_offset: int | None = None,
    ) -> None:
        self._options = options
        self._clock_offset = clock_offset
        self._formatters: dict[str, tuple[Owner, Formatter]] = {}
        for owner, formatter in formatters:
            name = layout_of(formatter.section).name
            other, _ = self._formatters.setdefault(name, (owner, formatter))
            if other is not owner:
                raise PluginError(f"section {name} is formatted by both {other} and {owner}")
        self._order = ordered({name: formatter.after for name, (_, formatter) in self._formatters.items()})

    def text(self, event: Event) -> str:
        """An event's text, with the line ends that separate it from the next.

        Raises:
            PluginError: a collector's formatter failed.
        """
        texts: dict[Place, list[str]] = {Place.HEAD: [self._head(event)], Place.TOP: [], Place.PART: []}
        for name in self._names(event):
            text, place = self._section(name, event.sections[name])
            if text:
                texts[place].append(text)
        first = " ".join(texts[Place.HEAD])
        parts = texts[Place.TOP] + texts[Place.PART]
        if not self._options.multi_line:
            return " ".join((first, *parts)) + "\n"
        lines = [first]
        for part in parts:
            lines += [_INDENT + line for line in part.split("\n")]
        return "\n".join(lines) + "\n\n"

    def _head(self, event: Event) -> str:
        header = event.header
        time = str(header.timestamp) if self._clock_offset is None else utc(header.timestamp + self._clock_offset)
        return f"{time} ({header.cpu}) [{_comm(header)}] {_task(header)} {_probe(event.probe)}"

    def _names(self, event: Event) -> list[str]:
        known = [name for name in self._order if name in event.sections]
        return known if len(known) == len(event.sections) else known + sorted(set(event.sections) - set(known))

    def _section(self, name: str, section: Any) -> tuple[str, Place]:  # noqa: ANN401 - a section class of any collector
        found = self._formatters.get(name)
        if found is None or not isinstance(section, found[1].section):
            return generic(name, section), Place.PART
        owner, formatter = found
        try:
            return formatter.format(section, self._options), formatter.place
        except Exception as error:
            raise PluginError(
                f"{owner}: formatting section {name} failed: {type(error).__name__}: {error}",
                hint="this is a bug of the collector; leave it out of -c",
            ) from error


def generic(name: str, section: Any) -> str:  # noqa: ANN401 - a section class of any collector
    """Text of a section that nobody formats: its fields, by name."""
    values = section._asdict().items()
    fields = (f"{key} {value.hex() if isinstance(value, bytes) else value}" for key, value in values)
    return " ".join((name, *fields))


def utc(time: int) -> str:
    """A time in ns since 1970 as date and time of day, in UTC, to the microsecond that has begun."""
    seconds, ns = divmod(time, 1_000_000_000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}.{ns // 1000:06d}"


def _probe(probe: ProbeInfo) -> str:
    file = f" ({probe.path.rpartition('/')[2]})" if probe.path else ""
    return f"[{probe.label}] {probe.symbol}{file}"


def _comm(header: Header) -> str:
    return header.comm.decode(errors="replace")


def _task(header: Header) -> str:
    # thread and process are one in a task with a single thread: then one number says it
    return f"{header.pid}/{header.tgid}" if header.pid != header.tgid else str(header.tgid)
