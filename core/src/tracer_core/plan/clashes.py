"""What keeps collectors from being used together, or at all: names of two owners, sections that are not declared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.errors import PluginError
from tracer_core.sections import Header, Return, Stack, TrackedData, Tracking, Unjoined
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.plugins.declaration import Declaration, Owner
    from tracer_core.wire import Layout

# sections that only the core adds
_OWN = frozenset(layout_of(cls).name for cls in (Header, Return, Stack, Tracking, Unjoined, TrackedData))


def refuse_clashes(members: Iterable[Declaration]) -> None:
    """Look whether names are each only one collector's, and fragments add what they declare.

    Raises:
        PluginError: they are not, or do not.
    """
    names: dict[str, tuple[Layout, Owner]] = {}
    functions: dict[str, Owner] = {}
    for member in members:
        for layout in map(layout_of, member.spec.sections):
            known, owner = names.setdefault(layout.name, (layout, member.owner))
            if known != layout or layout.name in _OWN:
                message = f"section {layout.name} is declared by both {owner} and {member.owner}"
                raise PluginError(message, hint="leave one of them out of -c")
        declared = {layout_of(cls).name for cls in member.spec.sections}
        for fragment in member.fragments:
            unknown = {layout_of(cls).name for cls in fragment.emits} - declared
            if unknown:
                raise PluginError(
                    f"{member.owner}: {fragment.function} emits {', '.join(sorted(unknown))}, not among its sections",
                    hint="add them to CollectorSpec.sections",
                )
            if reported := [cls for cls in fragment.emits if layout_of(cls).reported]:
                names_of = ", ".join(layout_of(cls).name for cls in reported)
                raise PluginError(
                    f"{member.owner}: {fragment.function} emits {names_of}, which only sessions report",
                    hint="declare it without reported=True, or leave it out of emits",
                )
        for function in (*(f.function for f in member.fragments), *(g.function for g in member.getters)):
            if not function.startswith(f"{member.spec.name}_"):
                raise PluginError(
                    f"{member.owner}: C function {function} must be called {member.spec.name}_<verb>",
                    hint="C names of a collector begin with its name",
                )
            other = functions.setdefault(function, member.owner)
            if other is not member.owner:
                message = f"C function {function} is defined by both {other} and {member.owner}"
                raise PluginError(message, hint="leave one of them out of -c")
