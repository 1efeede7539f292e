"""One declaration per section: from a typed class come the C struct, the numpy layout and the reference page.

A section is a :class:`typing.NamedTuple` whose fields are annotated with the types below::

    @section("hello", version=1)
    class Hello(NamedTuple):
        \"\"\"What the example reports.\"\"\"

        length: U32
        \"\"\"Bytes of the packet.\"\"\"

In a record, sections follow the header in the order of the plan, each padded to 8 bytes. A section may end with one
variable part, a :class:`Blob`, stored in whole steps of 64 bytes; the number of steps is in the record's mask, so
that the mask alone determines the layout and records of one mask decode as one numpy array (ADR 0002).

A field may be a group of fields that only some events have, a named tuple of its own::

    @section("parcel")
    class Parcel(NamedTuple):
        weight: U32
        stamp: Stamp | None

A record holds a group as it holds a section, with a bit of its own in the mask, under the name ``parcel.stamp``
(``parcel_stamp`` in C). A section of nothing but groups is there if any of them is.

``U32 | None`` is a number that every record has, but not every event of a file. ``Annotated[str, recorded(U32)]`` is a
number in records, of which a decoder makes a string.

What is in files may be shaped otherwise than what C fills: with groups that are always there, or one of several groups.
Then the section says what its record is, a class like those above, and a decoder makes one of the other (ADR 0026)::

    @section("parcel", record=ParcelRecord)
    class Parcel(NamedTuple):
        state: str
        sender: Address
        stamp: Stamp | None

A section that no program adds has no record: it is what a collector's session reports (ADR 0028). Its fields are of any
type that files can hold::

    @section("parcel-history", reported=True)
    class ParcelHistory(NamedTuple):
        number: U64
        places: tuple[str, ...]
"""

from __future__ import annotations

import re
import types
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from tracer_core.errors import PluginError

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIGNMENT = 8
"""Bytes that every section's size is rounded up to."""

BLOB_STEP = 64
"""Bytes in which variable parts grow."""

T = TypeVar("T", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Scalar:
    """An integer in host byte order, or a truth value.

    Attributes:
        c: Type in C.
        dtype: Type in numpy.
        size: Bytes.
    """

    c: str
    dtype: str
    size: int


@dataclass(frozen=True, slots=True)
class Chars:
    """A fixed array of characters, zero terminated if shorter; a ``bytes`` value without the padding.

    Attributes:
        size: Bytes of the array.
    """

    size: int


@dataclass(frozen=True, slots=True)
class Blob:
    """The variable part at the end of a section.

    Attributes:
        max: Most bytes it can hold.
        length: Name of the field of the same section that holds the number of valid bytes.
    """

    max: int
    length: str

    @property
    def steps(self) -> int:
        """Most steps it takes."""
        return -(-self.max // BLOB_STEP)

    @property
    def bits(self) -> int:
        """Bits that the number of steps takes in the mask."""
        return self.steps.bit_length()


@dataclass(frozen=True, slots=True)
class Part:
    """A group of fields that a section has or has not.

    Attributes:
        layout: Of the group; its name is ``<section>.<field>``.
    """

    layout: Layout


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


Kind = Scalar | Chars | Blob | Part


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a section: its name and what it is on the wire."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Layout:
    """What the class of a section, or of a group in one, means on the wire.

    Attributes:
        name: Public name, kebab-case, as in files.
        version: Of the section's file format.
        cls: The class that declared it; its instances are the decoded values.
        fields: Those of its own in wire order, packed; groups come last.
        blob: The last field of its own, if it is a variable part.
        record: The class whose fields these are, if it is another one: a decoder makes decoded values of it.
        reported: No program adds it, but a session: it has no place in records, and so no fields here.
    """

    name: str
    version: int
    cls: type[Any]
    fields: tuple[Field, ...]
    blob: Blob | None
    record: type[Any] | None = None
    reported: bool = False

    @property
    def c_name(self) -> str:
        """Name in C: ``struct section_<c_name>``."""
        return self.name.replace("-", "_").replace(".", "_")

    @property
    def fixed(self) -> tuple[Field, ...]:
        """The fields before the variable part."""
        return tuple(field for field in self.fields if isinstance(field.kind, Scalar | Chars))

    @property
    def variable(self) -> Field | None:
        """The variable part."""
        return next((field for field in self.fields if isinstance(field.kind, Blob)), None)

    @property
    def parts(self) -> dict[str, Layout]:
        """The groups, by field."""
        return {field.name: field.kind.layout for field in self.fields if isinstance(field.kind, Part)}

    def placed(self) -> Iterator[Layout]:
        """What a record holds of it: its own fields, if it has any, then its groups."""
        if len(self.parts) < len(self.fields):
            yield self
        for part in self.parts.values():
            yield from part.placed()

    @property
    def packed_size(self) -> int:
        """Bytes of the fixed fields."""
        return sum(f.kind.size for f in self.fixed if isinstance(f.kind, Scalar | Chars))

    @property
    def size(self) -> int:
        """Bytes of the fixed part in a record."""
        return -(-self.packed_size // ALIGNMENT) * ALIGNMENT

    @property
    def max_size(self) -> int:
        """Most bytes the section takes in a record."""
        return self.size + (self.blob.steps * BLOB_STEP if self.blob else 0)

    @property
    def bits(self) -> int:
        """Bits the section takes in the record's mask."""
        return 1 + (self.blob.bits if self.blob else 0)

    def c_struct(self) -> str:
        """The C struct and the assertion that compiler and decoder agree on its size."""
        lines = [f"struct section_{self.c_name} {{"]
        for field in self.fixed:
            match field.kind:
                case Scalar(c=c):
                    lines.append(f"\t{c} {field.name};")
                case Chars(size=size):
                    lines.append(f"\tchar {field.name}[{size}];")
        # aligned as its place in a record is: members of what is only packed are read a byte at a time
        lines.append(f"}} __attribute__((packed, aligned({ALIGNMENT})));")
        lines.append(f'_Static_assert(sizeof(struct section_{self.c_name}) == {self.size}, "section {self.name}");')
        return "\n".join(lines) + "\n"

    def dtype_fields(self, steps: int = 0) -> dict[str, tuple[str, int]]:
        """Types in numpy and byte offsets of the fields, relative to the section.

        Args:
            steps: Steps of the variable part that are present.
        """
        found: dict[str, tuple[str, int]] = {}
        offset = 0
        for field in self.fixed:
            match field.kind:
                case Scalar(dtype=dtype, size=size):
                    found[field.name] = (dtype, offset)
                case Chars(size=size):
                    found[field.name] = (f"S{size}", offset)
                case _:  # not among the fixed
                    raise AssertionError(self.name)
            offset += size
        if self.variable:
            found[self.variable.name] = (f"V{steps * BLOB_STEP}", self.size)
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
