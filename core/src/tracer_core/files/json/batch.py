"""Batches out of the JSON of events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.events.batch import EventBatch, SectionColumns, Values
from tracer_core.files.json.columns import UsualEvents
from tracer_core.files.json.event import HEADER, EventJson

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracer_core.events.form import SectionForm
    from tracer_core.sections import ProbeInfo


class BatchBuilder:
    """Takes events, and gives batches of them.

    Args:
        forms: Of the sections that are known, by name.
        probes: Those that the file names.
    """

    def __init__(self, forms: Mapping[str, SectionForm], probes: Sequence[ProbeInfo]) -> None:
        self._forms = forms
        self._json = EventJson(forms)
        self._usual = UsualEvents(forms)
        self._probes = list(probes)
        self._indices: dict[ProbeInfo, int] = {}
        for index, probe in enumerate(self._probes):
            self._indices.setdefault(probe, index)
        self._clear()

    @property
    def count(self) -> int:
        """Of events taken since the last batch."""
        return len(self._places)

    def add_usual(self, events: Sequence[dict[str, Any]], series: Sequence[int] | None) -> None:
        """Take events that have the usual form.

        Args:
            events: Their JSON.
            series: Of each the number of the series that it is of, if there are series.

        Raises:
            UnusualError: they have not, and none was taken.
        """
        parsed = self._usual.read(events)
        first = self.count
        for name, column in zip(HEADER, parsed.header, strict=True):
            self._header[name] += column
        self._places += map(self._index, parsed.probes)
        for section, rows, objects in parsed.sections:
            self._sections.setdefault(section, ([], []))
            known, found = self._sections[section]
            known += range(first, first + len(events)) if rows is None else (first + row for row in rows)
            found += objects
        self._undeclared += [None] * len(events)
        self._series += series or ()

    def add(self, values: dict[str, Any], series: int | None) -> None:
        """Take an event, whatever its form.

        Args:
            values: Its JSON.
            series: The number of the series that it is of, if there are series.

        Raises:
            FormError: a value is of another type than its section declares.
            TypeError, AttributeError, KeyError, ValueError: it is no event.
        """
        parsed = self._json.read(values)  # nothing is kept of an event that is none
        row = self.count
        for name, value in zip(HEADER, parsed.header, strict=True):
            self._header[name].append(value)
        self._places.append(self._index(parsed.probe))
        for name, section in parsed.sections:
            rows, objects = self._sections.setdefault(name, ([], []))
            rows.append(row)
            objects.append(section)
        self._undeclared.append(parsed.others)
        if series is not None:
            self._series.append(series)

    def take(self) -> EventBatch:
        """The events taken since the last batch."""
        count = self.count
        sections = tuple(
            SectionColumns.of(self._forms[name], None if len(rows) == count else np.array(rows), objects)
            for name, (rows, objects) in self._sections.items()
        )
        batch = EventBatch(
            count,
            {"probe": Values(self._places)} | {name: Values(column) for name, column in self._header.items()},
            self._probes,
            sections,
            self._undeclared if any(self._undeclared) else None,
            Values(self._series) if self._series else None,
        )
        self._clear()
        return batch

    def _clear(self) -> None:
        self._header: dict[str, list[Any]] = {name: [] for name in HEADER}
        self._places: list[int] = []
        self._sections: dict[str, tuple[list[int], list[Any]]] = {}
        self._undeclared: list[dict[str, Any] | None] = []
        self._series: list[int] = []

    def _index(self, probe: ProbeInfo) -> int:
        found = self._indices.get(probe)
        if found is None:  # the first line names those of our files only
            found = self._indices[probe] = len(self._probes)
            self._probes.append(probe)
        return found
