"""Types of the kernel as a filter meets them: in whatever BTF they are, with pointers to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from tracer_core.kernel.btf_types import BtfType, Kind
from tracer_core.kernel.ctype import c_type

if TYPE_CHECKING:
    from tracer_core.kernel.btf import Btf

AGGREGATES = (Kind.STRUCT, Kind.UNION)
"""What has members."""

ENUMS = (Kind.ENUM, Kind.ENUM64)
"""What has enumerators."""

POINTER_SIZE = 8
"""Size in bytes."""

_TAGGED = re.compile(r"(?:(struct|union|enum) )?([\w ]+?)((?: \**)?)")
_TAGS = {"struct": (Kind.STRUCT,), "union": (Kind.UNION,), "enum": ENUMS, None: (Kind.TYPEDEF, Kind.INT)}


class Types(Protocol):
    """Where types are looked up: a kernel view."""

    @property
    def btf(self) -> Btf:
        """Type information of vmlinux."""

    def find(self, name: str, *kinds: Kind) -> tuple[str, BtfType] | None:
        """The first type of that name and kind, and whose it is."""

    def module_btf(self, module: str) -> Btf:
        """Type information of a module."""


@dataclass(frozen=True, slots=True)
class Typing:
    """A type, or a pointer to one, in the BTF that it is of.

    Attributes:
        btf: That.
        id: Its id there.
        pointers: So many levels of pointers to it, beside those that it is itself.
    """

    btf: Btf
    id: int
    pointers: int = 0

    @property
    def resolved(self) -> BtfType:
        """Itself, without those pointers, qualifiers and typedefs."""
        return self.btf.resolve(self.id)

    @property
    def kind(self) -> Kind:
        """What it is, qualifiers and typedefs aside."""
        return Kind.PTR if self.pointers else self.resolved.kind

    @property
    def text(self) -> str:
        """As C writes it."""
        text = c_type(self.btf, self.id)
        return f"{text} {'*' * self.pointers}" if self.pointers else text

    @property
    def size(self) -> int:
        """Size in bytes."""
        return POINTER_SIZE if self.pointers else self.btf.size_of(self.id)

    def of(self, type_id: int) -> Typing:
        """Another type of the same BTF."""
        return Typing(self.btf, type_id)

    @property
    def is_aggregate(self) -> bool:
        """Whether it has members."""
        return self.kind in AGGREGATES

    @property
    def is_pointer(self) -> bool:
        """Whether it points at something."""
        return self.kind is Kind.PTR

    @property
    def is_byte(self) -> bool:
        """Whether strings are made of it."""
        return self.kind is Kind.INT and self.size == 1

    @property
    def element(self) -> Typing:
        """What an array has."""
        return self.of(self.resolved.ref)

    @property
    def target(self) -> Typing:
        """What a pointer points at."""
        return replace(self, pointers=self.pointers - 1) if self.pointers else self.of(self.resolved.ref)


def named(types: Types, name: str, *kinds: Kind) -> Typing | None:
    """A type of that name, or nothing."""
    found = types.find(name, *kinds)
    return Typing(types.module_btf(found[0]), found[1].id) if found else None


def written(types: Types, text: str) -> Typing | None:
    """A type as C writes it, pointers to it included; nothing for what is not a name with pointers, or unknown."""
    match = _TAGGED.fullmatch(text)
    if match is None:
        return None
    tag, name, stars = match.groups()
    found = Typing(types.btf, 0) if (tag, name) == (None, "void") else named(types, name, *_TAGS[tag])
    return replace(found, pointers=stars.count("*")) if found else None
