"""Events of older files, as their collectors say that they would be today."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.types import Upgrade


def upgrade(values: dict[str, Any], upgrades: Iterable[Upgrade]) -> None:
    """Change the JSON of an event in place.

    Raises:
        TypeError, AttributeError: something is no object that should be one.
    """
    for change in upgrades:
        for path, value in change.adds:
            holder = _holder(values, path)
            if holder is not None:
                holder.setdefault(_last(path), value)
        for source, target in change.moves:
            _move(values, source, target)


def _move(values: dict[str, Any], source: str, target: str) -> None:
    holder = _holder(values, source)
    if holder is None or _last(source) not in holder:
        return
    value = holder.pop(_last(source))
    where = values
    for name in target.split(".")[:-1]:
        where = where.setdefault(name, {})
    where[_last(target)] = value
    parent = source.rpartition(".")[0]
    if not holder and parent:
        outer = _holder(values, parent)
        if outer is not None:
            del outer[_last(parent)]


def _holder(values: dict[str, Any], path: str) -> dict[str, Any] | None:
    """The object that the last name of a path would be in."""
    holder: Any = values
    for name in path.split(".")[:-1]:
        holder = holder.get(name)
        if holder is None:
            return None
    found: dict[str, Any] = holder
    return found


def _last(path: str) -> str:
    return path.rpartition(".")[2]
