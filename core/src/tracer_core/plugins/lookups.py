"""Whether the lookups that a collector declares can be meant."""

from __future__ import annotations

import types
import typing
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError
from tracer_core.types import Lookup
from tracer_core.wire import is_group, without_none

if TYPE_CHECKING:
    from tracer_core.types import CollectorSpec


def refuse_bad_lookups(spec: CollectorSpec) -> None:
    """Look whether its lookups are of its sections, and can ever find and tell anything.

    Raises:
        PluginError: they are not, or cannot.
    """
    lookups: Any = spec.lookups
    if not isinstance(lookups, tuple) or not all(isinstance(lookup, Lookup) for lookup in lookups):
        raise PluginError(f"they are {lookups!r}, not a tuple of Lookup")
    for lookup in lookups:
        _refuse(lookup, spec.sections)


def _refuse(lookup: Any, sections: tuple[type[Any], ...]) -> None:  # noqa: ANN401 - nothing of it is checked yet
    for cls in (lookup.section, lookup.source):
        if cls not in sections:
            raise PluginError(f"{cls!r} is not among its sections")
    for names in (lookup.key, lookup.fills):
        if not (isinstance(names, tuple) and names and all(isinstance(name, str) for name in names)):
            raise PluginError(f"{names!r} is no tuple of fields")
    asks, answers = (typing.get_type_hints(cls, include_extras=True) for cls in (lookup.section, lookup.source))
    for name in (*lookup.key, *lookup.fills):
        for cls, hints in ((lookup.section, asks), (lookup.source, answers)):
            if name not in hints:
                raise PluginError(f"{cls.__name__} has no field {name}")
        kinds = {_python(asks[name]), _python(answers[name])}
        if len(kinds) > 1 or any(map(is_group, kinds)):
            raise PluginError(f"{name} is not the same in {lookup.section.__name__} and in {lookup.source.__name__}")
    for name in lookup.fills:
        if not _may_be_missing(asks[name]):
            raise PluginError(f"{name} cannot be missing in {lookup.section.__name__}")


def _python(hint: Any) -> Any:  # noqa: ANN401 - any annotation
    """The type of a field's values: widths of numbers make no difference."""
    inner = without_none(hint)
    return without_none(typing.get_args(inner)[0] if typing.get_origin(inner) is typing.Annotated else inner)


def _may_be_missing(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    return types.NoneType in typing.get_args(hint) or (
        typing.get_origin(hint) is typing.Annotated and _may_be_missing(typing.get_args(hint)[0])
    )
