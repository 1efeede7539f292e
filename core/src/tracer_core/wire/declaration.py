"""From the class that declares a section to its layout."""

from __future__ import annotations

import re
import types
import typing
from typing import Annotated, Any, TypeVar

from tracer_core.errors import PluginError
from tracer_core.wire.layout import Blob, Field, Kind, Layout, Part, Scalar

T = TypeVar("T", bound=tuple[Any, ...])

BOOL = Annotated[bool, Scalar("u8", "?", 1)]
U8 = Annotated[int, Scalar("u8", "u1", 1)]
U16 = Annotated[int, Scalar("u16", "<u2", 2)]
U32 = Annotated[int, Scalar("u32", "<u4", 4)]
U64 = Annotated[int, Scalar("u64", "<u8", 8)]
S32 = Annotated[int, Scalar("s32", "<i4", 4)]
S64 = Annotated[int, Scalar("s64", "<i8", 8)]


def recorded(number: Any) -> Scalar:  # noqa: ANN401 - an alias is no type
    """The form of a field in records, if it is another everywhere else.

    Args:
        number: One of the above, as in ``Annotated[str, recorded(U32)]``.
    """
    found: Scalar = typing.get_args(number)[1]
    return found


def section(
    name: str, *, version: int = 1, record: type[Any] | None = None, reported: bool = False
) -> typing.Callable[[type[T]], type[T]]:
    """Declare a section.

    Properties and methods of the class are what Python programs see of the section beside its fields.

    Args:
        name: Public name: lower-case words and numbers, with ``-`` between them.
        version: Raise it when a field changes meaning; new fields at the end keep it.
        record: What records have of it, if that is not the class itself.
        reported: It is in no record: a session reports it.

    Raises:
        PluginError: the name is none, a field has no wire type, a variable part is not last or its length field is
            unknown.
    """
    if not _NAME.fullmatch(name):
        raise PluginError(f"section {name!r}: that is no name", hint="use lower-case words with '-' between them")

    def declare(cls: type[T]) -> type[T]:
        if reported:
            layout = Layout(name, version, cls, (), None, reported=True)
        else:
            layout = _layout(name, version, cls, record)
        setattr(cls, _ATTRIBUTE, layout)
        return cls

    return declare


_ATTRIBUTE = "__tracer_section__"
_NAME = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def layout_of(cls: type[Any]) -> Layout:
    """The layout of a section class, or of a class of which there is one group.

    Raises:
        PluginError: the class was not declared with :func:`section`.
    """
    layout = cls.__dict__.get(_ATTRIBUTE)
    if not isinstance(layout, Layout):
        raise PluginError(f"{cls.__qualname__} is not a section", hint="declare it with @section(name)")
    return layout


def _layout(name: str, version: int, cls: type[Any], record: type[Any] | None = None) -> Layout:
    fields = [
        Field(field, _kind(name, version, field, hint))
        for field, hint in typing.get_type_hints(record or cls, include_extras=True).items()
    ]
    own = [field for field in fields if not isinstance(field.kind, Part)]
    if own != fields[: len(own)]:
        raise PluginError(f"section {name}: groups must be the last fields")
    blobs = [field.kind for field in own if isinstance(field.kind, Blob)]
    if blobs and (len(blobs) > 1 or own[-1].kind is not blobs[0]):
        raise PluginError(f"section {name}: the only variable part must be the last field")
    if blobs and blobs[0].length not in {field.name for field in own[:-1]}:
        raise PluginError(f"section {name}: {blobs[0].length} is not a field before the variable part")
    return Layout(name, version, cls, tuple(fields), blobs[0] if blobs else None, record)


def _kind(name: str, version: int, field: str, hint: Any) -> Kind:  # noqa: ANN401 - any annotation
    inner = without_none(hint)
    kind = kind_of(inner)
    if kind is not None:
        return kind
    if inner is hint or not is_group(inner):
        raise PluginError(f"section {name}: field {field} has no wire type", hint="use U32, Chars, Blob, …")
    part = Part(_layout(f"{name}.{field}", version, inner))
    # by its class a group is known that is the only one of it
    is_only = inner.__dict__.get(_ATTRIBUTE, part.layout) == part.layout
    setattr(inner, _ATTRIBUTE, part.layout if is_only else None)
    return part


def kind_of(hint: Any) -> Kind | None:  # noqa: ANN401 - any annotation
    """What a type hint says of records, if it does."""
    return next((item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Kind)), None)


def is_group(hint: Any) -> bool:  # noqa: ANN401 - any annotation
    """Whether a type hint is a class of named fields."""
    return isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_fields")


def without_none(hint: Any) -> Any:  # noqa: ANN401 - any annotation
    """What a type hint says beside ``None``, if that is one type."""
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        arguments = [argument for argument in typing.get_args(hint) if argument is not types.NoneType]
        if len(arguments) == 1:
            return arguments[0]
    return hint
