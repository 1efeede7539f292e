"""C types as text, the form in which collectors name the types they know.

Qualifiers and type tags are left out, typedefs keep their names, and every pointer level is
written: ``struct sk_buff *``, ``struct sk_buff **``, ``u32``, ``enum skb_drop_reason``,
``u8 [16]``, ``int (*)(struct sk_buff *, ...)``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.kernel.btf_types import Kind

if TYPE_CHECKING:
    from tracer_core.kernel.btf import Btf

_TAGS = {Kind.STRUCT: "struct", Kind.UNION: "union", Kind.ENUM: "enum", Kind.ENUM64: "enum"}


def c_type(btf: Btf, type_id: int) -> str:
    """Write a type as C text; an anonymous aggregate is written ``struct {...}``.

    Raises:
        KeyError: there is no such type.
    """
    return _declare(btf, type_id, "")


def _declare(btf: Btf, type_id: int, declarator: str) -> str:
    # C reads from the inside out, so what was seen last wraps what was seen before
    found = btf.resolve(type_id, typedefs=False)
    if found.kind is Kind.PTR:
        pointee = btf.resolve(found.ref, typedefs=False)
        inner = f"*{declarator}"
        if pointee.kind in (Kind.ARRAY, Kind.FUNC_PROTO):
            inner = f"({inner})"
        return _declare(btf, found.ref, inner)
    if found.kind is Kind.ARRAY:
        return _declare(btf, found.ref, f"{declarator}[{found.length}]")
    if found.kind is Kind.FUNC_PROTO:
        return _declare(btf, found.ref, f"{declarator}({_parameters(btf, found.params)})")
    name = _base_name(found.kind, found.name, is_union=found.is_union)
    return f"{name} {declarator}" if declarator else name


def _parameters(btf: Btf, params: tuple[tuple[str, int], ...]) -> str:
    # type 0 stands for "..."; a "(void)" list is empty in BTF
    return ", ".join(c_type(btf, type_id) if type_id else "..." for _, type_id in params) or "void"


def _base_name(kind: Kind, name: str, *, is_union: bool) -> str:
    if kind is Kind.FWD:
        return f"{'union' if is_union else 'struct'} {name}"
    tag = _TAGS.get(kind)
    return f"{tag} {name or '{...}'}" if tag else name
