"""C declarations of just the kernel types, and just the members, that a program's text mentions.

Every kept member stands at its absolute offset, in a packed struct of its own within a union::

    struct sk_buff {
        union {
            struct { char at_len[112]; u32 len; } __attribute__((packed));
            struct { char at_dev[16]; struct net_device *dev; } __attribute__((packed));
            char size_of[232];
        };
    } __attribute__((packed));

So there is no padding for a compiler to reckon with (ADR 0003), overlapping members need no care, and the text is small
however large the kernel's type is. Which members are kept is decided by name alone: a word of the program that is the
name of a member keeps it, in every type that is declared. Keeping too many costs a few lines, nothing else.

A type that vmlinux does not have is looked for in modules. What a module's type refers to is the module's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.errors import PluginError
from tracer_core.kernel.btf_types import BtfMember, BtfType, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.kernel.btf import Btf
    from tracer_core.kernel.view import TypedKernel

_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_TAG = re.compile(r"\b(struct|union|enum)\s+(\w+)(\s*\{)?")
_WORD = re.compile(r"\b[A-Za-z_]\w*")
_KINDS = {"struct": Kind.STRUCT, "union": Kind.UNION, "enum": Kind.ENUM}
_KEYWORDS = {Kind.STRUCT: "struct", Kind.UNION: "union", Kind.ENUM: "enum", Kind.ENUM64: "enum"}
_OWN_PREFIXES = ("tracer_", "section_")
_READ_SIZES = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True)
class KernelTypes:
    """C declarations of what a program uses of the kernel's types.

    Attributes:
        declarations: Of types; they stand on their own.
        bit_fields: Readers of bit-fields; they use the macros of ``tracer.bpf.h``.
    """

    declarations: str
    bit_fields: str


def kernel_types(kernel: TypedKernel, program: str) -> KernelTypes:
    """Declare what *program* uses.

    Args:
        kernel: That the program is for.
        program: C text, macros not expanded.
    """
    text = _COMMENT.sub(" ", program)
    tags = [(match[1], match[2]) for match in _TAG.finditer(text) if not match[3]]
    own = {match[2] for match in _TAG.finditer(text) if match[3]}
    emitter = _Emitter(kernel, frozenset(_WORD.findall(text)))
    for keyword, tag in tags:
        if tag not in own and not tag.startswith(_OWN_PREFIXES):
            emitter.want(keyword, tag)
    return emitter.emit()


@dataclass(frozen=True, slots=True)
class _Aggregate:
    """A struct or union, and the type information that its ids refer to.

    Attributes:
        btf: Of vmlinux or of a module.
        type: Of that.
    """

    btf: Btf
    type: BtfType

    @property
    def keyword(self) -> str:
        return _KEYWORDS[self.type.kind]

    @property
    def name(self) -> str:
        return self.type.name

    @property
    def key(self) -> tuple[str, str]:
        return self.keyword, self.name


class _Emitter:
    def __init__(self, kernel: TypedKernel, words: frozenset[str]) -> None:
        self._kernel = kernel
        self._words = words
        self._wanted: dict[tuple[str, str], _Aggregate] = {}  # named aggregates still to define
        self._seen: set[tuple[str, str]] = set()  # (keyword, tag) defined or wanted
        self._forward: list[str] = []
        self._definitions: list[str] = []
        self._bit_fields: list[str] = []

    def want(self, keyword: str, tag: str) -> None:
        if (keyword, tag) in self._seen:
            return
        kinds = (Kind.ENUM, Kind.ENUM64) if keyword == "enum" else (_KINDS[keyword],)
        found = self._kernel.find(tag, *kinds)
        if found is not None and keyword != "enum":
            self._want(_Aggregate(self._kernel.module_btf(found[0]), found[1]))
            return
        self._seen.add((keyword, tag))
        if found is not None:
            self._definitions.append(self._enum(found[1]))
        elif keyword != "enum":
            self._forward.append(f"{keyword} {tag};")

    def _want(self, aggregate: _Aggregate) -> None:
        if aggregate.key not in self._seen:
            self._seen.add(aggregate.key)
            self._forward.append(f"{aggregate.keyword} {aggregate.name};")
            self._wanted[aggregate.key] = aggregate

    def emit(self) -> KernelTypes:
        while self._wanted:
            self._define(self._wanted.pop(next(iter(self._wanted))))
        declarations = "\n".join(line for line in (*self._forward, *self._definitions) if line)
        return KernelTypes(declarations + "\n", "\n".join((*self._bit_fields, "")))

    def _define(self, aggregate: _Aggregate) -> None:
        name = f"{aggregate.keyword} {aggregate.name}"
        body, asserts = self._body(aggregate)  # first: it may define others that this one holds by value
        self._definitions.append(f"{name} {body};")
        self._definitions.append(f'_Static_assert(sizeof({name}) == {aggregate.type.size}, "{name}");')
        self._definitions += [
            f'_Static_assert(__builtin_offsetof({name}, {member}) == {offset}, "{name}.{member}");'
            for member, offset in asserts
        ]
        for member in self._kept(aggregate):
            if member.bit_size:
                self._bit_fields.append(_bit_field(aggregate.type, member))

    def _kept(self, aggregate: _Aggregate) -> Iterator[BtfMember]:
        seen = set()
        for member in aggregate.btf.members(aggregate.type):
            if member.name in self._words and member.name not in seen:
                seen.add(member.name)
                yield member

    def _body(self, aggregate: _Aggregate) -> tuple[str, list[tuple[str, int]]]:
        lines, asserts = [], []
        for member in self._kept(aggregate):
            if member.bit_size:
                continue
            offset = member.bit_offset // 8
            pad = f"char at_{member.name}[{offset}]; " if offset else ""
            declared = self._declare(aggregate.btf, member.type_id, member.name)
            lines.append(f"\tstruct {{ {pad}{declared}; }} __attribute__((packed));")
            asserts.append((member.name, offset))
        size = aggregate.type.size
        lines.append(f"\tchar size_of_{aggregate.name or 'it'}[{size}];" if size else "")
        inner = "\n".join(line for line in lines if line)
        return f"{{ union {{\n{inner}\n}}; }} __attribute__((packed))", asserts

    def _declare(self, btf: Btf, type_id: int, name: str) -> str:
        """A C declaration of *name* with that type."""
        found = btf.resolve(type_id)
        match found.kind:
            case Kind.PTR:
                return self._declare_pointer(btf, found, f"*{name}")
            case Kind.ARRAY:
                return self._declare(btf, found.ref, f"{name}[{found.length}]")
            case Kind.STRUCT | Kind.UNION:
                return f"{self._by_value(_Aggregate(btf, found))} {name}"
            case Kind.INT if found.name in ("char", "_Bool"):
                return f"{found.name} {name}"
            case Kind.INT | Kind.ENUM | Kind.ENUM64:
                return f"{_integer(found.size, signed=found.signed)} {name}"
            case _:
                return f"void {name}"

    def _declare_pointer(self, btf: Btf, pointer: BtfType, name: str) -> str:
        target = btf.resolve(pointer.ref)
        match target.kind:
            case Kind.STRUCT | Kind.UNION if target.name:
                self._want(_Aggregate(btf, target))
                return f"{_KEYWORDS[target.kind]} {target.name} {name}"
            case Kind.PTR:
                return self._declare_pointer(btf, target, f"*{name}")
            case Kind.INT:
                return self._declare(btf, target.id, name)
            case _:
                return f"void {name}"

    def _by_value(self, aggregate: _Aggregate) -> str:
        if not aggregate.name:
            return f"{aggregate.keyword} {self._body(aggregate)[0]}"
        waiting = self._wanted.pop(aggregate.key, None)
        if waiting is not None or aggregate.key not in self._seen:
            self._seen.add(aggregate.key)
            self._define(waiting or aggregate)
        return f"{aggregate.keyword} {aggregate.name}"

    def _enum(self, enum: BtfType) -> str:
        kept = [f"{name} = {value}" for name, value in enum.enumerators if name in self._words]
        return f"enum {enum.name} {{ {', '.join(kept) or f'tracer_no_{enum.name}'} }};"


def _integer(size: int, *, signed: bool) -> str:
    return f"{'s' if signed else 'u'}{size * 8}" if size in _READ_SIZES else f"struct {{ char bytes[{size}]; }}"


def _bit_field(aggregate: BtfType, member: BtfMember) -> str:
    last = member.bit_offset + member.bit_size - 1
    # in the smallest unit that has all of it, aligned: what a compiler puts it in, so within the structure
    size = next((n for n in _READ_SIZES if member.bit_offset // (n * 8) == last // (n * 8)), None)
    if size is None:
        raise PluginError(f"bit-field {aggregate.name}.{member.name} spans more than one unit")
    first = member.bit_offset // (size * 8) * size
    shift, mask = member.bit_offset - first * 8, (1 << member.bit_size) - 1
    return f"TRACER_BIT_FIELD({aggregate.name}, {member.name}, u{size * 8}, {first}, {shift}, {mask:#x}ULL)"
