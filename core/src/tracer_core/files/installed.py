"""What the installed collectors know of event files."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError, UsageError
from tracer_core.own import FORMATTERS, OWNER, SECTIONS
from tracer_core.plugins.declare import formatters, upgrades
from tracer_core.plugins.host import Host
from tracer_core.plugins.joins import joins_of
from tracer_core.sections import Packet
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tracer_core.files.events import EventSet
    from tracer_core.plugins.declaration import Owner
    from tracer_core.plugins.host import Collector
    from tracer_core.types import CollectorSpec, Formatter, Join, Lookup


class Installed:
    """The installed collectors, as far as event files are concerned.

    Args:
        left_out: Called for each collector that cannot be used, with the reason.
    """

    def __init__(self, left_out: Callable[[PluginError], None]) -> None:
        self._collectors: list[Collector] = list(Host().usable(left_out))

    def open_set(self, path: Path, *, follow: bool) -> EventSet:
        """Open a file.

        Args:
            path: Of the file.
            follow: Go on with the files that follow it in its rotated set.

        Raises:
            UsageError: there is no such file, or it cannot be opened.
            RunError: it is no event file, or one of a version that cannot be read.
        """
        from tracer_core.files.events import EventSet  # noqa: PLC0415 - numpy, not for those who only ask for sections

        changes = chain.from_iterable(map(upgrades, self._collectors))
        return EventSet(path, self.sections(), changes, follow=follow)

    def sections(self) -> list[type[Any]]:
        """Those of the core and of the installed collectors, once each."""
        theirs = chain.from_iterable(collector.spec.sections for collector in self._collectors)
        return list(dict.fromkeys((*SECTIONS, Packet, *theirs)))

    def specs(self) -> list[CollectorSpec]:
        """What the installed collectors say of themselves."""
        return [collector.spec for collector in self._collectors]

    def identities(self) -> list[type[Any]]:
        """Classes of the sections that say which packet an event is of."""
        return [collector.spec.identity for collector in self._collectors if collector.spec.identity is not None]

    def identity(self) -> str:
        """Public name of the one that counts.

        Raises:
            UsageError: no installed collector declares one.
        """
        for cls in self.identities():
            return layout_of(cls).name
        what = "no installed collector can tell which packet an event is of"
        raise UsageError(what, hint="install one that follows packets; see: tracer plugins")

    def joins(self) -> tuple[Join, ...]:
        """What the installed collectors say of how events are put together."""
        return tuple(join for collector in self._collectors for join in joins_of(collector.spec))

    def lookups(self) -> tuple[Lookup, ...]:
        """What the installed collectors say of what events are told by others."""
        return tuple(lookup for collector in self._collectors for lookup in collector.spec.lookups)

    def formatters(self) -> list[tuple[Owner, Formatter]]:
        """Those of the core and of the installed collectors."""
        own = [(OWNER, formatter) for formatter in FORMATTERS]
        return own + [(collector.owner, found) for collector in self._collectors for found in formatters(collector)]
