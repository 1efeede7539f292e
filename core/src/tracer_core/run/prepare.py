"""From the selected collectors and the user's wishes to a plan."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer_core import own
from tracer_core.errors import PluginError
from tracer_core.plan.planner import plan as make_plan
from tracer_core.plugins.declare import check, declare

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tracer_core.kernel.view import Kernel
    from tracer_core.plan.plan import Plan
    from tracer_core.plan.request import Request
    from tracer_core.plugins.declaration import Declaration
    from tracer_core.plugins.host import Collector

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Selection:
    """The collectors of a run.

    Attributes:
        named: Those the user asked for by name; they must be able to run.
        automatic: Those taken in because they are there; they are left out if they cannot run.
        options: Values of options by collector.
    """

    named: tuple[Collector, ...]
    automatic: tuple[Collector, ...]
    options: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run will do.

    Attributes:
        plan: What is attached where.
        declarations: Of the collectors.
        collectors: Whose declarations those are.
        own: Of the core, for its own sections.
    """

    plan: Plan
    declarations: tuple[Declaration, ...]
    collectors: tuple[Collector, ...]
    own: Declaration

    @property
    def readers(self) -> tuple[Declaration, ...]:
        """Who decodes and shows sections."""
        return (self.own, *self.declarations)


def prepare(selection: Selection, request: Request, kernel: Kernel) -> Prepared:
    """Plan a run.

    Raises:
        PluginError: a named collector cannot run, none is left, or one misbehaves.
        UsageError: a probe does not exist or is of no use.
    """
    running = _runnable(selection, kernel)
    declarations = tuple(declare(c, kernel, selection.options[c.owner.name]) for c in running)
    plan = make_plan(declarations, request, kernel)
    _tell_what_is_left_out(plan)
    return Prepared(plan, declarations, tuple(running), own.declaration(kernel))


def _tell_what_is_left_out(plan: Plan) -> None:
    by_chance = 0
    for probe in plan.skipped:
        by_chance += probe.optional
        level = logging.DEBUG if probe.optional else logging.INFO
        log.log(level, "No probe was attached to %s as no collector could retrieve data from it", probe.target)
    if by_chance:
        log.info(
            "No probe was attached to %d place(s) that match by name, as no collector could retrieve data from them",
            by_chance,
        )
    for reason in plan.missing:
        log.warning("%s; tracing without it", reason)
    if plan.weakness:
        log.warning("%s", plan.weakness)


def without(prepared: Prepared, name: str, request: Request, kernel: Kernel) -> Plan:
    """The plan of the same run without one collector, to find out who is to blame for a failure.

    Raises:
        TracerError: there is no such plan.
    """
    return make_plan([d for d in prepared.declarations if d.owner.name != name], request, kernel)


def _runnable(selection: Selection, kernel: Kernel) -> Sequence[Collector]:
    running = []
    for collector in (*selection.named, *selection.automatic):
        unavailable = check(collector, kernel, selection.options[collector.owner.name])
        if unavailable is None:
            running.append(collector)
        elif collector in selection.named:
            raise PluginError(f"cannot run {collector.owner}: {unavailable.reason}", hint=unavailable.hint)
        else:
            log.debug("Cannot run %s: %s", collector.owner, unavailable.reason)
    if not running:
        raise PluginError("no collector can run here", hint="see: tracer plugins")
    return running
