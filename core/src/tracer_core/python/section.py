"""A section of an event, as Python programs see it: its fields are attributes."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, ClassVar

from tracer_core.events.form import FieldForm, Form
from tracer_core.python.data import base64_text
from tracer_core.python.fixed import Fixed
from tracer_core.python.helpers import GROUPS
from tracer_core.python.html import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tracer_core.events.form import SectionForm

_NOTHING: Mapping[str, Any] = {}


class Section(Fixed):
    """A section of an event, or a group of fields in one.

    Its fields are attributes, by the names that they have in JSON; None where one is missing. What the class of the
    section has beside fields, properties and methods, is there, too.
    """

    __slots__ = ("_more", "_value")

    _write: ClassVar[staticmethod[[tuple[Any, ...], Mapping[str, Any]], dict[str, Any]]]

    def __init__(self, value: tuple[Any, ...], more: Mapping[str, Any] | None = None) -> None:
        self._value = value
        self._more = more or _NOTHING  # what nobody here declares, as JSON has it

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any field
        if name in self._more:
            return shown(self._more[name])
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}", name=name, obj=self)

    def __dir__(self) -> Iterator[str]:
        yield from object.__dir__(self)
        yield from self._more

    def to_dict(self) -> dict[str, Any]:
        """What JSON has of it. Bytes are base64 there; what is missing is left out."""
        return self._write(self._value, self._more)

    def __str__(self) -> str:
        return repr(self.to_dict())

    def __repr__(self) -> str:
        return repr(self.to_dict())

    def _repr_html_(self) -> str:
        return table(self.to_dict())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Section) and type(self) is type(other) and self.to_dict() == other.to_dict()

    def __hash__(self) -> int:
        return hash(self._value)


class Plain(Section):
    """A section or group that nobody here declares: its fields are as the file has them."""

    __slots__ = ()

    def __init__(self, values: Mapping[str, Any]) -> None:
        super().__init__((), values)

    def to_dict(self) -> dict[str, Any]:
        """See :class:`Section`."""
        return deepcopy(dict(self._more))

    def __hash__(self) -> int:
        return hash(tuple(self._more))


class View(Section):
    """What a property of a section gives: a named tuple of values."""

    __slots__ = ()
    _value: Any

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - any field
        if name in self._value._fields:
            return shown(getattr(self._value, name))
        raise AttributeError(f"{type(self._value).__name__} has no attribute {name!r}", name=name, obj=self)

    def __dir__(self) -> Iterator[str]:
        yield from object.__dir__(self)
        yield from self._value._fields

    def to_dict(self) -> dict[str, Any]:
        """See :class:`Section`."""
        values = self._value._asdict().items()
        return {name: plain(value) for name, value in values if value is not None}


def shown(value: Any) -> Any:  # noqa: ANN401 - any value
    """A value that is no field of a section, as programs see it."""
    if isinstance(value, dict):
        return Plain(value)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return View(value)
    return deepcopy(value) if isinstance(value, list) else value


def plain(value: Any) -> Any:  # noqa: ANN401 - any value
    """The same as JSON has it."""
    if isinstance(value, Section):
        return value.to_dict()
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return View(value).to_dict()
    if isinstance(value, bytes):
        return base64_text(value)
    return list(map(plain, value)) if isinstance(value, tuple | list) else value


_KNOWN: dict[tuple[SectionForm, tuple[type[Any], ...]], type[Section]] = {}


def section_class(form: SectionForm, mixins: tuple[type[Any], ...] = ()) -> type[Section]:
    """The class of sections, or groups, of a form.

    Args:
        form: Theirs.
        mixins: What they can do beside, which counts first.
    """
    found = _KNOWN.get((form, mixins))
    if found is None:
        found = _KNOWN[form, mixins] = _made(form, mixins)
    return found


def _made(form: SectionForm, mixins: tuple[type[Any], ...]) -> type[Section]:
    members: dict[str, Any] = {"__slots__": (), "__doc__": form.cls.__doc__, "_write": staticmethod(_writer(form))}
    for index, field in enumerate(form.fields):
        members[field.name] = property(_getter(index, field))
    for name, member in vars(form.cls).items():
        if name.startswith("_") or name in members:
            continue
        if isinstance(member, property) and member.fget is not None:
            members[name] = property(_shown_by(member.fget), doc=member.__doc__)
        elif callable(member):
            members[name] = member
    for name in {name for mixin in mixins for name in vars(mixin)}:
        if not name.startswith("__"):
            members.pop(name, None)
    return type(form.cls.__name__, (*mixins, Section), members)


def _shown_by(get: Callable[[Any], Any]) -> Callable[[Section], Any]:
    return lambda section: shown(get(section))


def _getter(index: int, field: FieldForm) -> Callable[[Section], Any]:
    """What gives the value of a field."""
    part, name = field.part, field.name
    if part is not None:
        made = section_class(part, GROUPS.get(part.cls, ()))

        def get(section: Section) -> Any:  # noqa: ANN401 - any value
            value, more = section._value[index], section._more.get(name)  # noqa: SLF001 - our own class
            if value is None:
                return shown(more)
            return made(value, more if isinstance(more, dict) else None)

        return get
    convert = _SEEN.get(field.form)
    if convert is None:
        return lambda section: section._value[index]  # noqa: SLF001 - ditto

    def converted(section: Section) -> Any:  # noqa: ANN401 - ditto
        value = section._value[index]  # noqa: SLF001 - ditto
        return None if value is None else convert(value)

    return converted


def _text(value: bytes) -> str:
    return value.decode(errors="replace")  # as JSON has it


_SEEN: dict[Form, Callable[[Any], Any]] = {Form.CHARS: _text, Form.LIST: list}


def _writer(form: SectionForm) -> Callable[[tuple[Any, ...], Mapping[str, Any]], dict[str, Any]]:
    """What makes of sections or groups of a form what JSON has of them."""
    steps = [(field.name, _writer(field.part) if field.part else None, _as_json(field)) for field in form.fields]

    def write(values: tuple[Any, ...], more: Mapping[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for (name, part, convert), value in zip(steps, values, strict=True):
            if value is None:
                continue
            if part is not None:
                inner = more.get(name) if more else None
                found[name] = part(value, inner if isinstance(inner, dict) else _NOTHING)
            else:
                found[name] = value if convert is None else convert(value)
        for name, value in more.items():
            if name not in found:
                found[name] = deepcopy(value)
        return found

    return write


def _as_json(field: FieldForm) -> Callable[[Any], Any] | None:
    """What makes of a value what JSON has of it, if that is not the value itself."""
    match field.form:
        case Form.CHARS:
            return _text
        case Form.BYTES:
            return base64_text
        case Form.LIST:
            return plain
    return None
