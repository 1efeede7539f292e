"""Whether the joins that a collector declares can be meant, and what they are to who sorts events."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError
from tracer_core.sections import SPACE_MAX
from tracer_core.types import Join, JoinRole
from tracer_core.wire import Chars, Scalar, layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tracer_core.types import CollectorSpec
    from tracer_core.wire import Kind, Layout

HEADER = "header."
"""What paths of fields of the header begin with."""

_HEADER_FIELDS = ("timestamp", "cpu", "pid", "tgid")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FINDING = (JoinRole.JOIN, JoinRole.ADOPT)


def joins_of(spec: CollectorSpec) -> tuple[Join, ...]:
    """Its joins, with key spaces that are nobody else's: ``<collector>.<space>``."""
    return tuple(replace(join, space=f"{spec.name}.{join.space}") for join in spec.joins)


def refuse_bad_joins(spec: CollectorSpec) -> None:
    """Look whether its joins are of its sections, and can ever find anything.

    Raises:
        PluginError: they are not, or cannot.
    """
    joins: Any = spec.joins
    if not isinstance(joins, tuple) or not all(isinstance(join, Join) for join in joins):
        raise PluginError(f"they are {joins!r}, not a tuple of Join")
    layouts = [layout_of(cls) for cls in spec.sections]
    for join in joins:
        _refuse_join(join, layouts, len(spec.name))
    for space, some in groupby(sorted(joins, key=_space), _space):
        _refuse_space(space, list(some))


def _space(join: Join) -> str:
    return join.space


def _refuse_join(join: Any, layouts: Sequence[Layout], taken: int) -> None:  # noqa: ANN401 - nothing of it is checked yet
    if not (isinstance(join.space, str) and _NAME.fullmatch(join.space) and taken + 1 + len(join.space) <= SPACE_MAX):
        raise PluginError(f"{join.space!r} is no name of a key space: a short one of lower-case letters, digits and _")
    if not isinstance(join.role, JoinRole):
        raise PluginError(f"{join.space}: {join.role!r} is no JoinRole")
    if not (isinstance(join.section, type) and layout_of(join.section) in layouts):
        raise PluginError(f"{join.space}: {join.section!r} is not among its sections")
    key = join.key
    if not (isinstance(key, tuple) and key and all(isinstance(path, str) for path in key)):
        raise PluginError(f"{join.space}: its key is {key!r}, not a tuple of paths of fields")
    _kinds(join)


def _refuse_space(space: str, joins: Sequence[Join]) -> None:
    roles = {join.role for join in joins}
    if JoinRole.OPEN not in roles:
        raise PluginError(f"nothing opens a key of {space}")
    if roles.isdisjoint(_FINDING):
        raise PluginError(f"nothing joins by a key of {space}")
    first = _kinds(joins[0])
    for join in joins:
        if _kinds(join) != first:
            what = f"{space}: keys {', '.join(joins[0].key)} and {', '.join(join.key)} can never be equal"
            raise PluginError(f"{what}: they differ in number or kind")


def _kinds(join: Join) -> tuple[type[Kind], ...]:
    return tuple(_kind(path, layout_of(join.section)) for path in join.key)


def _kind(path: str, layout: Layout) -> type[Kind]:
    if path.startswith(HEADER):
        if path.removeprefix(HEADER) not in _HEADER_FIELDS:
            raise PluginError(f"{path} is no part of a key: of the header, {_listed(_HEADER_FIELDS)} can be")
        return Scalar
    *groups, name = path.split(".")
    for group in groups:
        if group not in layout.parts:
            raise PluginError(f"{path}: section {layout.name} has no group {group}")
        layout = layout.parts[group]
    kind = next((field.kind for field in layout.fields if field.name == name), None)
    if kind is None:
        raise PluginError(f"{path}: section {layout.name} has no field {name}")
    if not isinstance(kind, Scalar | Chars):
        raise PluginError(
            f"{path} is no part of a key: section {layout.name} has neither a number nor characters there"
        )
    return type(kind)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
