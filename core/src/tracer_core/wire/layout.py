"""How sections lie in records: the kinds of their fields, and from these the C struct and the numpy layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ALIGNMENT = 8
"""Bytes that every section's size is rounded up to."""

BLOB_STEP = 64
"""Bytes in which variable parts grow."""


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

    def dtype_fields(self) -> dict[str, tuple[str, int]]:
        """Types in numpy and byte offsets of the fixed fields, relative to the section."""
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
        return found
