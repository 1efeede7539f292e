"""The text of places that can be probed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.plan.places import TRAMPOLINES, fits_trampoline
from tracer_core.plugins.declaration import shown
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.kernel.view import Prototype, TypedKernel
    from tracer_core.plan.inspection import Found, Source
    from tracer_core.plan.request import Abilities


def described(place: Found, kernel: TypedKernel, abilities: Abilities | None) -> Iterator[str]:
    """Lines on a place: its name, what is passed there, how to attach, who reads what.

    Args:
        place: Where.
        kernel: Whose place it is.
        abilities: What there is to attach with; nothing where that is not known.
    """
    probe = place.probe
    is_tracepoint = probe.kind is ProbeKind.RAW_TRACEPOINT
    name = probe.target.rpartition(":")[2]
    prototype = kernel.tracepoint(name) if is_tracepoint else kernel.function(name)
    yield str(probe)
    if prototype is not None:
        yield f"  {_declaration(name, prototype)}"
        if prototype.module:
            yield f"  module {prototype.module}"
        if abilities is not None and not is_tracepoint:
            yield f"  attach: {', '.join(_ways(prototype, abilities)) or 'not possible on this machine'}"
    if not is_tracepoint and (count := kernel.symbol_count(name)) > 1:
        yield f"  {count} functions have this name"
    same: dict[tuple[Source, ...], list[str]] = {}
    for owner, sources in place.readers:
        same.setdefault(sources, []).append(shown(owner.name))
    for sources, names in same.items():
        yield f"  {', '.join(sorted(names))}: {'; '.join(map(_source, sources)) or 'whatever is passed'}"


def _ways(prototype: Prototype, abilities: Abilities) -> Iterator[str]:
    for kind in (*abilities.entries, *abilities.returns):
        if kind not in TRAMPOLINES or fits_trampoline(prototype):
            yield kind.value


def _source(source: Source) -> str:
    where = f"argument {source.position + 1}" if source.position is not None else f"{source.getter}()"
    return f"{where}, {source.c_type}"


def _declaration(name: str, prototype: Prototype) -> str:
    """In C, as far as type information tells."""
    return _declared(prototype.returns, f"{name}({', '.join(_declared(p.type, p.name) for p in prototype.params)})")


def _declared(c_type: str, name: str) -> str:
    if "(*" in c_type:  # the name of a pointer to a function stands within
        return c_type.replace("(*", f"(*{name}", 1)
    return f"{c_type}{'' if c_type.endswith('*') or not name else ' '}{name}"
