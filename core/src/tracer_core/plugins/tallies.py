"""Whether the tallies that a collector declares can be meant."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tracer_core.errors import PluginError
from tracer_core.events.form import Form, form_of
from tracer_core.types import Tally

if TYPE_CHECKING:
    from tracer_core.types import CollectorSpec

_TITLE = re.compile(r"[a-z][a-z0-9 _-]{0,30}")
_COUNTED = (Form.INTEGER, Form.CHARS, Form.TEXT)


def refuse_bad_tallies(spec: CollectorSpec) -> None:
    """Look whether its tallies are of its sections, and of what can be counted.

    Raises:
        PluginError: they are not.
    """
    tallies: Any = spec.tallies
    if not isinstance(tallies, tuple) or not all(isinstance(tally, Tally) for tally in tallies):
        raise PluginError(f"they are {tallies!r}, not a tuple of Tally")
    for tally in tallies:
        _refuse(tally, spec.sections)


def _refuse(tally: Any, sections: tuple[type[Any], ...]) -> None:  # noqa: ANN401 - nothing of it is checked yet
    if tally.section not in sections:
        raise PluginError(f"{tally.section!r} is not among its sections")
    if not (isinstance(tally.title, str) and _TITLE.fullmatch(tally.title)):
        raise PluginError(f"{tally.title!r} is no title: a few words in lower case")
    key = tally.key
    if not (isinstance(key, tuple) and key and all(isinstance(name, str) for name in key)):
        raise PluginError(f"{tally.title}: its key is {key!r}, not a tuple of fields")
    form = form_of(tally.section)
    for name in key:
        field = next((field for field in form.fields if field.name == name), None)
        if field is None or field.form not in _COUNTED:
            raise PluginError(f"{tally.title}: section {form.name} has neither a number nor text in {name}")
