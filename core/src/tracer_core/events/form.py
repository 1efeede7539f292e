"""What the fields of a section are to who reads it: the one description from which all file formats and schemas follow.

It comes from the declaration of the section, or for sections that nobody here declares from the file that has them.
"""

from __future__ import annotations

import types
import typing
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tracer_core.errors import PluginError
from tracer_core.wire import Chars, Layout, Scalar, is_group, kind_of, layout_of, without_none


class Form(Enum):
    """What a value is. Values are as in the metadata of files; integers are there by the name of their numpy type."""

    INTEGER = "int"
    BOOLEAN = "bool"
    FLOAT = "float"
    CHARS = "chars"
    """Bytes that are characters: a name that the kernel gave."""
    BYTES = "bytes"
    TEXT = "text"
    LIST = "list"
    """Several values, a tuple."""
    PART = "part"
    """A group of fields."""


@dataclass(frozen=True, slots=True)
class FieldForm:
    """What a field of a section is.

    Attributes:
        name: Of the field; empty for the values of a list.
        form: What its value is.
        dtype: Of an integer: ``uint32``.
        item: Of a list: what each of its values is.
        part: Of a group: its fields.
        optional: It may be missing.
    """

    name: str
    form: Form
    dtype: str = ""
    item: FieldForm | None = None
    part: SectionForm | None = None
    optional: bool = False


@dataclass(frozen=True, slots=True)
class SectionForm:
    """What a section is, or a group in one: its fields, in order.

    Attributes:
        name: Public name; that of a group is ``<section>.<field>``.
        version: Of the section.
        cls: Of its objects: a named tuple.
        fields: In order.
    """

    name: str
    version: int
    cls: type[Any]
    fields: tuple[FieldForm, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Of the fields, in order."""
        return tuple(field.name for field in self.fields)

    @property
    def parts(self) -> dict[str, SectionForm]:
        """The groups, by field."""
        return {field.name: field.part for field in self.fields if field.part is not None}


def form_of(cls: type[Any]) -> SectionForm:
    """The form of a section that is declared.

    Raises:
        PluginError: a field is of a type that files cannot hold.
    """
    found = _KNOWN.get(cls)
    if found is None:
        found = _KNOWN[cls] = _form_of(cls)
    return found


_KNOWN: dict[type[Any], SectionForm] = {}


def _form_of(cls: type[Any]) -> SectionForm:
    layout = layout_of(cls)
    return _section(layout.name, layout.version, cls)


def group_form(name: str, cls: type[Any]) -> SectionForm:
    """The form of a named tuple that is no section: what files say of themselves, for example."""
    return _section(name, 1, cls)


def recorded_form(layout: Layout) -> SectionForm:
    """The form of what records have of a section that is declared; that of its record, if it has one of its own."""
    return form_of(layout.cls) if layout.record is None else _section(layout.name, layout.version, layout.record)


def _section(name: str, version: int, cls: type[Any]) -> SectionForm:
    hints = typing.get_type_hints(cls, include_extras=True)
    return SectionForm(name, version, cls, tuple(_field(name, version, field, hint) for field, hint in hints.items()))


def _field(section: str, version: int, name: str, hint: Any) -> FieldForm:  # noqa: ANN401 - any annotation
    annotated = without_none(hint)
    kind = kind_of(annotated)
    told = typing.get_args(annotated)[0] if kind is not None else annotated
    inner = without_none(told)
    optional = annotated is not hint or inner is not told
    if is_group(inner):
        return FieldForm(name, Form.PART, part=_section(f"{section}.{name}", version, inner), optional=optional)
    if inner is int and isinstance(kind, Scalar):
        return FieldForm(name, Form.INTEGER, _numpy_name(kind), optional=optional)
    if inner is bytes and isinstance(kind, Chars):
        return FieldForm(name, Form.CHARS, optional=optional)
    match typing.get_args(inner):
        case each, types.EllipsisType() if typing.get_origin(inner) is tuple and each in _PYTHON:
            item = FieldForm("", *_PYTHON[each])
            return FieldForm(name, Form.LIST, item=item, optional=optional)
        case () if inner in _PYTHON:
            return FieldForm(name, *_PYTHON[inner], optional=optional)
    what = f"section {section}: field {name} is {told}, which files cannot hold"
    raise PluginError(what, hint="use int, float, bool, bytes, str, or tuple[one of them, ...]")


def _numpy_name(kind: Scalar) -> str:
    """What numpy calls an integer. It is not asked: declarations are looked at where nobody waits for it."""
    return f"{'uint' if kind.c.startswith('u') else 'int'}{8 * kind.size}"


_PYTHON: dict[Any, tuple[Form, str]] = {
    int: (Form.INTEGER, "int64"),
    bool: (Form.BOOLEAN, ""),
    float: (Form.FLOAT, ""),
    bytes: (Form.BYTES, ""),
    str: (Form.TEXT, ""),
}


class UnknownSection(tuple[Any, ...]):
    """A section that nobody here declares, or not like this: its fields are as the file has them."""

    _fields: tuple[str, ...]

    @classmethod
    def of(cls, values: typing.Mapping[str, Any]) -> UnknownSection:
        """Make one from names and values."""
        made = cls(values.values())
        made._fields = tuple(values)
        return made

    @classmethod
    def _make(cls, values: typing.Iterable[Any]) -> UnknownSection:
        """Make one of a class that knows the names."""
        return cls(values)

    def _asdict(self) -> dict[str, Any]:
        return dict(zip(self._fields, self, strict=True))


def unknown_class(fields: tuple[str, ...]) -> type[UnknownSection]:
    """The class of sections that have these fields in a file."""
    return type("UnknownSection", (UnknownSection,), {"_fields": fields})
