"""The keys by which events of a batch are joined, found in their columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from tracer_core.events.batch import SectionColumns
from tracer_core.types import JoinRole

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tracer_core.events.batch import EventBatch
    from tracer_core.types import Join

_HEADER = "header."
_ORDER = (JoinRole.JOIN, JoinRole.ADOPT, JoinRole.OPEN, JoinRole.CLOSE)


class Keyed(NamedTuple):
    """A join of an event.

    Attributes:
        space: Number of the key space, from 1.
        role: What the event does about the key.
        key: The space, too, and the values of the fields.
    """

    space: int
    role: JoinRole
    key: tuple[Any, ...]

    @property
    def finds(self) -> bool:
        """Whether it says which journey the event is of."""
        return self.role in (JoinRole.JOIN, JoinRole.ADOPT)


class Joins:
    """The joins that collectors declare, as batches of events are looked at for them.

    Args:
        joins: Those of all collectors.
    """

    def __init__(self, joins: Sequence[Join]) -> None:
        self.spaces: tuple[str, ...] = tuple(dict.fromkeys(join.space for join in joins))
        """Names of the key spaces, in the order of their numbers."""
        number = {space: at for at, space in enumerate(self.spaces, 1)}
        finding = [join for join in joins if join.role in _ORDER[:2]]
        others = sorted((join for join in joins if join not in finding), key=lambda join: _ORDER.index(join.role))
        self._joins = [(number[join.space], join) for join in (*finding, *others)]
        self._sections = {join.section for join in joins}

    def of(self, batch: EventBatch) -> Mapping[int, Sequence[Keyed]]:
        """By event, its joins in the order in which they are applied. Events without any are not there."""
        sections = {found.form.cls: found for found in batch.sections if found.form.cls in self._sections}
        if not sections:
            return {}
        fields = _Fields(batch)
        found: dict[int, list[Keyed]] = {}
        for space, join in self._joins:
            section = sections.get(join.section)
            if section is None:
                continue
            for row, key in fields.keys(section, join.key, join.when):
                found.setdefault(row, []).append(Keyed(space, join.role, (space, *key)))
        return found


class _Fields:
    """Values of fields by event. Each field is looked for once."""

    def __init__(self, batch: EventBatch) -> None:
        self._batch = batch
        self._found: dict[tuple[str, str], Mapping[int, Any]] = {}

    def keys(
        self, section: SectionColumns, paths: Sequence[str], when: tuple[str, str | int] | None
    ) -> Iterable[tuple[int, tuple[Any, ...]]]:
        """Of each event of the section that has all fields, and the value that it must have: it, and their values."""
        rows: Iterable[int] = section.rows_in(self._batch)
        if when is not None:
            rows = [row for row, value in self._values(section, when[0]).items() if value == when[1]]
        columns = [self._values(section, path) for path in paths]
        for column in sorted(columns, key=len):
            rows = [row for row in rows if row in column]
        return ((row, tuple(column[row] for column in columns)) for row in rows)

    def _values(self, section: SectionColumns, path: str) -> Mapping[int, Any]:
        name = path if path.startswith(_HEADER) else section.form.name
        found = self._found.get((name, path))
        if found is None:
            if path.startswith(_HEADER):
                pairs: Iterable[tuple[int, Any]] = enumerate(self._batch.header[path.removeprefix(_HEADER)].tolist())
            else:
                pairs = _column(section, section.rows_in(self._batch), path.split("."))
            found = self._found[name, path] = {row: value for row, value in pairs if value is not None}
        return found


def _column(section: SectionColumns, rows: Sequence[int], path: Sequence[str]) -> Iterable[tuple[int, Any]]:
    """The events that may have a field, with its value in each."""
    name, *inner = path
    column = section.columns[name]
    if column is None:
        return ()
    if not isinstance(column, SectionColumns):
        return zip(rows, column.tolist(), strict=True)
    of_group = rows if column.rows is None else [rows[place] for place in column.rows.tolist()]
    return _column(column, of_group, inner)
