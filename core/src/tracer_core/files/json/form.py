"""How sections become JSON objects and come back: a function of their forms alone.

Characters and text are strings, other bytes base64, lists arrays, groups objects. What is missing is left out.
"""

from __future__ import annotations

import binascii
import json
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from tracer_core.events.batch import SectionColumns
from tracer_core.events.form import FieldForm, Form, SectionForm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

parse = orjson.loads
"""JSON as a value. It raises ValueError for what is none."""

compact = json.JSONEncoder(separators=(",", ":")).encode
"""A value as JSON: compact, and ASCII, since tools refuse files that are not UTF-8."""

_REMEMBERED = 4096
_DEEPEST = 64  # levels of what nobody declares: Python's own limit is not far above


class FormError(ValueError):
    """A value is not what the declaration of its section says."""


def objects(section: SectionColumns) -> list[str]:
    """The text of a JSON object for each event that has a section.

    It raises TypeError, ValueError or AttributeError if a value is not of the type that the section declares.
    """
    columns = ((field, *_present(field, section.columns[field.name])) for field in section.form.fields)
    found = [(field, texts, rows) for field, texts, rows in columns if rows is None or len(texts)]
    templates = [f'"{field.name}":{_PLACES.get(field.form, "%s")}' for field, _, _ in found]
    if all(rows is None for _, _, rows in found):
        # one template for all fields: numbers, which are most, need no call each
        if not found:
            return ["{}"] * len(section)
        template = "{" + ",".join(templates) + "}"
        return list(map(template.__mod__, zip(*(texts for _, texts, _ in found), strict=True)))
    members = [
        _spread([template % text for text in texts], rows, len(section))
        for template, (_, texts, rows) in zip(templates, found, strict=True)
    ]
    return ["{" + ",".join(filter(None, row)) + "}" for row in zip(*members, strict=True)]


_PLACES = {Form.INTEGER: "%d", Form.BYTES: '"%s"'}


def _present(field: FieldForm, column: Any) -> tuple[Sequence[Any], Iterable[int] | None]:  # noqa: ANN401 - column or group
    """What takes a field's place in a template, for the events that have it, and which those are, if not all."""
    if column is None:
        return [], []
    if isinstance(column, SectionColumns):
        return objects(column), None if column.rows is None else column.rows.tolist()
    values = column.tolist()
    if None not in values:
        return _texts(field, values), None
    rows = [row for row, value in enumerate(values) if value is not None]
    return _texts(field, [values[row] for row in rows]), rows


def _spread(texts: list[str], rows: Iterable[int] | None, count: int) -> Sequence[str | None]:
    if rows is None:
        return texts
    found: list[str | None] = [None] * count
    for row, text in zip(rows, texts, strict=True):
        found[row] = text
    return found


def _texts(field: FieldForm, values: list[Any]) -> Sequence[Any]:
    """What takes a field's place in a template."""
    match field.form:
        case Form.INTEGER:
            return values
        case Form.BYTES:
            return list(map(_base64, values))
        case Form.CHARS:
            return list(map(chars, values))
        case Form.BOOLEAN:
            return ["true" if value else "false" for value in values]
        case Form.TEXT:
            return list(map(_text, values))
        case _:
            return list(map(_anything, values))


@lru_cache(_REMEMBERED)
def chars(value: bytes) -> str:
    """Characters of the kernel's as a JSON string: what is no UTF-8, since names are cut anywhere, becomes U+FFFD."""
    return compact(value.decode(errors="replace"))


@lru_cache(_REMEMBERED)
def _text(value: str) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is no text")
    return compact(value)


def _anything(value: Any) -> str:  # noqa: ANN401 - what a declaration allows
    return json.dumps(value, separators=(",", ":"), default=_base64)


def _base64(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def reader(form: SectionForm) -> Callable[[Mapping[str, Any]], tuple[Any, dict[str, Any] | None]]:
    """What turns JSON objects into sections of a form, and gives what the form does not know of them, if anything.

    It raises KeyError for a field that is missing and must not, and FormError for one that is something else.
    """
    names = frozenset(form.names)
    fields = [(field.name, _reader(field), field.optional, field.part is not None) for field in form.fields]
    make: Callable[[list[Any]], Any] = form.cls._make

    def read(values: Mapping[str, Any]) -> tuple[Any, dict[str, Any] | None]:
        found: list[Any] = []
        known, others = 0, None
        for name, convert, optional, is_part in fields:
            value = values.get(name) if optional else values[name]
            if value is None and optional:
                known += name in values
                found.append(None)
                continue
            known += 1
            try:
                value = convert(value)
            except ValueError as error:
                raise FormError(f"{name} is {shown(value)}, {error}") from error
            if is_part:
                value, rest = value
                if rest is not None:
                    others = {**(others or {}), name: rest}
            found.append(value)
        if known < len(values):
            others = {**(others or {}), **{name: value for name, value in values.items() if name not in names}}
        return make(found), others

    return read


def _reader(field: FieldForm) -> Callable[[Any], Any]:
    if field.part is not None:
        inner = reader(field.part)
        return lambda value: inner(_checked(value, dict))
    if field.item is not None:
        item = _reader(field.item)
        return lambda value: tuple(map(item, _checked(value, list)))
    match field.form:
        case Form.CHARS:
            return lambda value: str(_checked(value, str)).encode(errors="surrogatepass")
        case Form.BYTES:
            return _from_base64
        case Form.INTEGER:
            return partial(integer, dtype=field.dtype)
        case form:
            return partial(_checked, cls=PYTHON[form])


def _limits(dtype: str) -> tuple[int, int]:
    limits = np.iinfo(dtype)
    return int(limits.min), int(limits.max)


PYTHON: dict[Form, type[Any]] = {Form.BOOLEAN: bool, Form.FLOAT: float, Form.TEXT: str}
"""Types of what JSON has as itself."""

_CALLED: dict[type[Any], str] = {
    dict: "object",
    list: "list",
    str: "text",
    bool: "truth value",
    float: "number with a point",
}

_LIMITS = {f"{sign}int{bits}": _limits(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)}


def integer(value: Any, dtype: str) -> int:  # noqa: ANN401 - anything that JSON can hold
    """A number that fits into a type.

    Raises:
        FormError: it does not, or is none.
    """
    least, most = _LIMITS[dtype]
    if type(value) is not int or not least <= value <= most:  # True is no number here
        raise FormError(f"no {dtype}")
    return value


def _from_base64(value: Any) -> bytes:  # noqa: ANN401 - anything that JSON can hold
    try:
        return binascii.a2b_base64(_checked(value, str), strict_mode=True)
    except binascii.Error as error:
        raise FormError("no base64") from error


def _checked(value: Any, cls: type[Any]) -> Any:  # noqa: ANN401 - ditto
    if type(value) is not cls:
        raise FormError(f"no {_CALLED[cls]}")
    return value


def shown(value: Any) -> str:  # noqa: ANN401 - ditto
    """A value of JSON for messages."""
    text = orjson.dumps(value).decode()
    return text if len(text) <= 40 else text[:40] + "…"


def shallow(values: dict[str, Any]) -> dict[str, Any]:
    """What nobody declares, if it is no deeper than can be shown and written.

    Raises:
        FormError: it is.
    """
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        level = [inner for value in level if isinstance(value, dict | list) for inner in _inside(value)]
        if not level:
            return values
    raise FormError("it is nested too deeply")


def _inside(value: Any) -> Iterable[Any]:  # noqa: ANN401 - ditto
    return value.values() if isinstance(value, dict) else value
