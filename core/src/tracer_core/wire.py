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
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

from tracer_core.errors import PluginError

ALIGNMENT = 8
"""Bytes that every section's size is rounded up to."""

BLOB_STEP = 64
"""Bytes in which variable parts grow."""

T = TypeVar("T", bound=tuple[Any, ...])


@dataclass(frozen=True, slots=True)
class Scalar:
    """An integer in host byte order.

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
    """A fixed array of characters, zero terminated if shorter; a ``bytes`` value without the padding."""

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


U8 = Annotated[int, Scalar("u8", "u1", 1)]
U16 = Annotated[int, Scalar("u16", "<u2", 2)]
U32 = Annotated[int, Scalar("u32", "<u4", 4)]
U64 = Annotated[int, Scalar("u64", "<u8", 8)]
S32 = Annotated[int, Scalar("s32", "<i4", 4)]
S64 = Annotated[int, Scalar("s64", "<i8", 8)]

Kind = Scalar | Chars | Blob


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a section: its name and what it is on the wire."""

    name: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Layout:
    """What a section class means on the wire.

    Attributes:
        name: Public name, kebab-case, as in files.
        version: Of the section's file format.
        cls: The class that declared it; its instances are the decoded values.
        fields: In wire order, packed.
        blob: The last field, if it is a variable part.
    """

    name: str
    version: int
    cls: type[Any]
    fields: tuple[Field, ...]
    blob: Blob | None

    @property
    def c_name(self) -> str:
        """Name in C: ``struct section_<c_name>``."""
        return self.name.replace("-", "_")

    @property
    def fixed(self) -> tuple[Field, ...]:
        """The fields before the variable part."""
        return self.fields[:-1] if self.blob else self.fields

    @property
    def packed_size(self) -> int:
        """Bytes of the fixed fields."""
        return sum(f.kind.size for f in self.fixed if not isinstance(f.kind, Blob))

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
                case Blob():  # only ever the last field
                    raise AssertionError(self.name)
            offset += size
        if self.blob:
            found[self.fields[-1].name] = (f"V{steps * BLOB_STEP}", self.size)
        return found


def section(name: str, *, version: int = 1) -> typing.Callable[[type[T]], type[T]]:
    """Declare a section.

    Args:
        name: Public name, kebab-case.
        version: Raise it when a field changes meaning; new fields at the end keep it.

    Raises:
        PluginError: a field has no wire type, a variable part is not last or its length field is unknown.
    """

    def declare(cls: type[T]) -> type[T]:
        setattr(cls, _ATTRIBUTE, _layout(name, version, cls))
        return cls

    return declare


_ATTRIBUTE = "__tracer_section__"


def layout_of(cls: type[Any]) -> Layout:
    """The layout of a section class.

    Raises:
        PluginError: the class was not declared with :func:`section`.
    """
    layout = cls.__dict__.get(_ATTRIBUTE)
    if not isinstance(layout, Layout):
        raise PluginError(f"{cls.__qualname__} is not a section", hint="declare it with @section(name)")
    return layout


def _layout(name: str, version: int, cls: type[Any]) -> Layout:
    fields = []
    for field, hint in typing.get_type_hints(cls, include_extras=True).items():
        kind = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, Kind)), None)
        if kind is None:
            raise PluginError(f"section {name}: field {field} has no wire type", hint="use U32, Chars, Blob, …")
        fields.append(Field(field, kind))
    blobs = [f for f in fields if isinstance(f.kind, Blob)]
    blob = blobs[-1].kind if blobs else None
    if blobs and (len(blobs) > 1 or fields[-1] is not blobs[0]):
        raise PluginError(f"section {name}: the only variable part must be the last field")
    if isinstance(blob, Blob) and blob.length not in {f.name for f in fields[:-1]}:
        raise PluginError(f"section {name}: {blob.length} is not a field before the variable part")
    return Layout(name, version, cls, tuple(fields), blob if isinstance(blob, Blob) else None)
