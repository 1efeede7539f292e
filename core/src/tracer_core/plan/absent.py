"""Probes that may be missing, and are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.errors import MachineError, did_you_mean
from tracer_core.plan.places import locate, near

_ALIKE = 3
"""Letters at the beginning of functions that are taken to be right."""

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.request import Abilities
    from tracer_core.types import Probe


def absent(probes: Iterable[Probe], abilities: Abilities, kernel: TypedKernel) -> tuple[Probe, ...]:
    """The optional ones among kernel probes of which this kernel has none."""
    return tuple(probe for probe in probes if probe.optional and not _is_there(probe, abilities, kernel))


def meant(probe: Probe, kernel: TypedKernel) -> str:
    """A hint with what may be meant by an absent one, or nothing. Starts wait for it, so that it takes milliseconds."""
    if probe.is_pattern:
        return ""
    found = near(probe, kernel, probe.target[:_ALIKE])
    return did_you_mean([name for name in found if name != probe.target])


def _is_there(probe: Probe, abilities: Abilities, kernel: TypedKernel) -> bool:
    try:
        return any(locate(probe, abilities, kernel))
    except MachineError:
        return True  # it may be, but cannot be probed: the plan says why
