"""What collectors leave open about their probes, and the user does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from tracer_core.plan.request import Request
    from tracer_core.plugins.declaration import Declaration

_OPEN = (ProbeKind.FUNCTION, ProbeKind.RETURN)


def agreed(declaration: Declaration, request: Request) -> Declaration:
    """Have a collector's probe of a function be of the kind in which the user probes the same function.

    Otherwise there were two programs there, and two events for each call: of ``kprobe:f``, which the user wants, and of
    ``f``, which the collector needs and which is cheaper as fentry.
    """
    if not any(probe.kind in _OPEN for probe in declaration.probes):
        return declaration
    kinds: dict[tuple[str, bool], ProbeKind] = {}
    for probe in request.probes:
        ways = request.abilities.returns if probe.kind.returns else request.abilities.entries
        if probe.kind in ways:
            kinds.setdefault((probe.target, probe.kind.returns), probe.kind)
    probes = (
        replace(probe, kind=kinds.get((probe.target, probe.kind.returns), probe.kind)) if probe.kind in _OPEN else probe
        for probe in declaration.probes
    )
    return replace(declaration, probes=tuple(probes))
