"""Whether the joins that a collector declares can be meant, and what they are to who sorts events."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError
from tracer_core.events.form import Form, form_of
from tracer_core.sections import SPACE_MAX
from tracer_core.types import Join, JoinRole
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.events.form import FieldForm, SectionForm
    from tracer_core.types import CollectorSpec
    from tracer_core.wire import Layout

HEADER = "header."
"""What paths of fields of the header begin with."""

_HEADER_FIELDS = ("timestamp", "cpu", "pid", "tgid")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FINDING = (JoinRole.JOIN, JoinRole.ADOPT)
_KEYS = (Form.INTEGER, Form.CHARS, Form.TEXT)


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
    _refuse_when(join)


def _refuse_when(join: Join) -> None:
    when: Any = join.when
    if when is None:
        return
    if not (isinstance(when, tuple) and len(when) == 2 and isinstance(when[0], str)):
        raise PluginError(f"{join.space}: {when!r} is no field and its value")
    name, value = when
    wanted = {Form.INTEGER: int, Form.TEXT: str}.get(_field(name, form_of(join.section)).form)
    if wanted is None or type(value) is not wanted:
        raise PluginError(f"{join.space}: {name} can never be {value!r}")


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


def _kinds(join: Join) -> tuple[Form, ...]:
    return tuple(_kind(path, form_of(join.section)) for path in join.key)


def _kind(path: str, form: SectionForm) -> Form:
    if path.startswith(HEADER):
        if path.removeprefix(HEADER) not in _HEADER_FIELDS:
            raise PluginError(f"{path} is no part of a key: of the header, {', '.join(_HEADER_FIELDS)} can be")
        return Form.INTEGER
    found = _field(path, form).form
    if found not in _KEYS:
        raise PluginError(f"{path} is no part of a key: section {form.name} has neither a number nor text there")
    return found


def _field(path: str, form: SectionForm) -> FieldForm:
    *groups, name = path.split(".")
    for group in groups:
        if group not in form.parts:
            raise PluginError(f"{path}: section {form.name} has no group {group}")
        form = form.parts[group]
    found = next((field for field in form.fields if field.name == name), None)
    if found is None:
        raise PluginError(f"{path}: section {form.name} has no field {name}")
    return found
