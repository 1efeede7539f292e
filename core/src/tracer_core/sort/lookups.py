"""What events are told by others that have the same key: found, and filled in, as columns."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tracer_core.events.batch import SectionColumns, Values

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracer_core.events.batch import EventBatch
    from tracer_core.types import Lookup

    Key = tuple[Any, ...]
    Answer = tuple[Any, ...]

_REMEMBERED = 1 << 16  # of each lookup, keys that something is known of


class Lookups:
    """What is declared, and what is known so far.

    Args:
        lookups: Those of all collectors.
    """

    def __init__(self, lookups: Sequence[Lookup]) -> None:
        self._lookups = [_Known(lookup) for lookup in lookups]

    def learn(self, batch: EventBatch) -> None:
        """Remember what the events of a batch tell."""
        for known in self._lookups:
            known.learn(batch)

    def unanswered(self, batch: EventBatch) -> list[int]:
        """The events that ask for what is not known, in any order."""
        return [row for known in self._lookups for row in known.unanswered(batch)]

    def filled(self, batch: EventBatch) -> EventBatch:
        """The batch, with what is known told to those that ask."""
        for known in self._lookups:
            batch = known.filled(batch)
        return batch


class _Known:
    """What is known for a lookup.

    Args:
        lookup: As declared.
    """

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self._answers: OrderedDict[Key, Answer] = OrderedDict()

    def learn(self, batch: EventBatch) -> None:
        for section in _sections(batch, self._lookup.source):
            answers = zip(*(_values(section, name) for name in self._lookup.fills), strict=True)
            for key, values in zip(_keys(section, self._lookup.key), answers, strict=True):
                if key is None:
                    continue
                self._answers[key] = values
                self._answers.move_to_end(key)
                if len(self._answers) > _REMEMBERED:
                    self._answers.popitem(last=False)

    def unanswered(self, batch: EventBatch) -> Iterator[int]:
        for section in _sections(batch, self._lookup.section):
            rows = section.rows_in(batch)
            yield from (rows[at] for at, key in self._asking(section) if key not in self._answers)

    def filled(self, batch: EventBatch) -> EventBatch:
        if not self._answers:
            return batch
        sections = tuple(
            self._section(section) if section.form.cls is self._lookup.section else section
            for section in batch.sections
        )
        return replace(batch, sections=sections)

    def _section(self, section: SectionColumns) -> SectionColumns:
        found = [(at, self._answers[key]) for at, key in self._asking(section) if key in self._answers]
        if not found:
            return section
        filled = {name: list(_values(section, name)) for name in self._lookup.fills}
        for at, values in found:
            for column, value in zip(filled.values(), values, strict=True):
                column[at] = value
        columns = {**section.columns, **{name: Values(column) for name, column in filled.items()}}
        return SectionColumns(section.form, section.rows, len(section), columns)

    def _asking(self, section: SectionColumns) -> Iterable[tuple[int, Key]]:
        """Places among the sections of those that ask, each with its key."""
        keys = _keys(section, self._lookup.key)
        there = zip(*(_values(section, name) for name in self._lookup.fills), strict=True)
        return (
            (at, key)
            for at, (key, values) in enumerate(zip(keys, there, strict=True))
            if key is not None and not any(values)
        )


def _sections(batch: EventBatch, cls: type[Any]) -> Iterator[SectionColumns]:
    return (section for section in batch.sections if section.form.cls is cls and len(section))


def _keys(section: SectionColumns, names: Sequence[str]) -> Iterator[Key | None]:
    """Of each section its key, or nothing if a field of it is missing."""
    return (None if None in key else key for key in zip(*(_values(section, name) for name in names), strict=True))


def _values(section: SectionColumns, name: str) -> Sequence[Any]:
    column = section.columns[name]
    # a field of a group is no part of a key
    return [None] * len(section) if column is None or isinstance(column, SectionColumns) else column.tolist()
