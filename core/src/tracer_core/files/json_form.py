"""How sections become JSON objects and come back: a function of their declarations alone.

A field's Python type decides: ``int`` is a number, ``str`` a string, ``tuple[...]`` an array, anything else what JSON
makes of it. ``bytes`` are text if they are declared as :class:`~tracer_core.wire.Chars`, otherwise base64.
"""

from __future__ import annotations

import binascii
import json
import types
import typing
from typing import TYPE_CHECKING, Any

from tracer_core.files.unknown import UnknownSection
from tracer_core.wire import Chars, layout_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Section = tuple[Any, ...]

compact = json.JSONEncoder(separators=(",", ":")).encode
"""A value as JSON: compact, and ASCII, since tools refuse files that are not UTF-8."""


class FormError(ValueError):
    """A value is not what the declaration of its section says."""


def encoder(cls: type[Any]) -> Callable[[Any], str]:
    """What turns sections of a class into the text of a JSON object.

    It raises TypeError, ValueError or AttributeError if a value is not of the type that the section declares.
    """
    if issubclass(cls, UnknownSection):
        return lambda section: compact(section._asdict())
    fields = [(name, *_writer(hint, kind)) for name, hint, kind in _fields(cls)]
    # one template for all fields: numbers, which are most, need no call each
    template = "{" + ",".join(f'"{name}":{place}' for name, place, _ in fields) + "}"
    calls = [(at, convert) for at, (*_, convert) in enumerate(fields) if convert]

    def encode(section: Section) -> str:
        values = list(section)
        for at, convert in calls:
            values[at] = convert(values[at])
        return template % tuple(values)

    return encode if calls else template.__mod__


def decoder(cls: type[Any]) -> Callable[[Mapping[str, Any]], Any]:
    """What turns JSON objects into sections of a class.

    It raises KeyError for a field that is missing, and FormError for one that is something else.
    """
    fields = [(name, _reader(hint, kind)) for name, hint, kind in _fields(cls)]

    def decode(values: Mapping[str, Any]) -> Any:  # noqa: ANN401 - an instance of cls
        found = []
        for name, convert in fields:
            value = values[name]
            try:
                found.append(convert(value))
            except ValueError as error:
                raise FormError(f"{name} is {_short(value)}, {error}") from error
        return cls._make(found)

    return decode


def _fields(cls: type[Any]) -> list[tuple[str, Any, Any]]:
    """Name, Python type and kind on the wire of each field."""
    hints = typing.get_type_hints(cls)
    return [(field.name, hints[field.name], field.kind) for field in layout_of(cls).fields]


def _writer(hint: Any, kind: Any) -> tuple[str, Callable[[Any], str] | None]:  # noqa: ANN401 - a type, a kind
    if hint is int:
        return "%d", None
    if hint is bytes:
        return ("%s", lambda value: compact(text(value))) if isinstance(kind, Chars) else ('"%s"', _base64)
    return "%s", lambda value: json.dumps(value, separators=(",", ":"), default=_base64)


def _reader(hint: Any, kind: Any) -> Callable[[Any], Any]:  # noqa: ANN401 - a type, a kind on the wire
    match hint, typing.get_args(hint):
        case type(), () if hint is bytes:
            return _from_text if isinstance(kind, Chars) else _from_base64
        case type(), () if hint in {int, str, bool, float}:
            return lambda value: _checked(value, hint)
        case _, (each, types.EllipsisType()) if typing.get_origin(hint) is tuple:
            convert = _reader(each, None)
            return lambda value: tuple(convert(item) for item in _checked(value, list))
        case _:
            return lambda value: value


def text(value: bytes) -> str:
    """Characters of the kernel's, which cuts names anywhere: what is no UTF-8 becomes U+FFFD."""
    return value.decode(errors="replace")


def _base64(value: bytes) -> str:
    return binascii.b2a_base64(value, newline=False).decode("ascii")


def _from_base64(value: Any) -> bytes:  # noqa: ANN401 - anything that JSON can hold
    try:
        return binascii.a2b_base64(_checked(value, str), strict_mode=True)
    except binascii.Error as error:
        raise FormError("no base64") from error


def _from_text(value: Any) -> bytes:  # noqa: ANN401 - ditto
    return str(_checked(value, str)).encode(errors="surrogatepass")


def _checked(value: Any, cls: type[Any]) -> Any:  # noqa: ANN401 - ditto
    if type(value) is not cls:  # True is no number here
        raise FormError(f"no {cls.__name__}")
    return value


def _short(value: Any) -> str:  # noqa: ANN401 - ditto
    shown = compact(value)
    return shown if len(shown) <= 40 else shown[:40] + "…"
