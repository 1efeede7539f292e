"""From the selected collectors and the user's wishes to a plan."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core import own
from tracer_core.errors import PluginError, TracerError
from tracer_core.plan.absent import absent, meant
from tracer_core.plan.places import locate
from tracer_core.plan.planner import plan as make_plan
from tracer_core.plugins.declare import changes, check, declare
from tracer_core.types import Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.plan import Plan
    from tracer_core.plan.request import Request
    from tracer_core.plugins.declaration import Declaration, Owner
    from tracer_core.plugins.host import Collector
    from tracer_core.run.selection import Selection
    from tracer_core.types import Change, Probe
    from tracer_core.wire import Layout

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Prepared:
    """What a run will do.

    Attributes:
        plan: What is attached where.
        declarations: Of the collectors.
        collectors: Whose declarations those are.
        own: Of the core, for its own sections.
        changes: What is changed on the machine for whom, if anything may be.
        reported: Sections of events that sessions report, once they have said so.
        command: The command line, with what profiles add to it; that of the process if there is none.
    """

    plan: Plan
    declarations: tuple[Declaration, ...]
    collectors: tuple[Collector, ...]
    own: Declaration
    changes: Mapping[Owner, tuple[Change, ...]] | None = None
    reported: tuple[Layout, ...] = ()
    command: tuple[str, ...] = ()

    @property
    def readers(self) -> tuple[Declaration, ...]:
        """Who decodes and shows sections."""
        return (self.own, *self.declarations)


def prepare(selection: Selection, request: Request, kernel: TypedKernel, *, run: str = "") -> Prepared:
    """Plan a run.

    Args:
        selection: The collectors.
        request: What the user asks for beside them.
        kernel: What is traced.
        run: Word that no other run has, if the machine may be changed.

    Raises:
        PluginError: a named collector cannot run, none is left, or one misbehaves.
        UsageError: a probe does not exist or is of no use.
    """
    running = _runnable(selection, kernel, run)
    declared = _declared(running, selection, request, kernel)
    members = tuple(declared.values())
    try:
        plan = make_plan(members, request, kernel)
    except TracerError:
        _tell_what_is_absent(request.probes, request, kernel)  # which may be why
        raise
    planned = {probe.target for probe in (*(planned.probe for planned in plan.probes), *plan.skipped)}
    _tell_what_is_absent((probe for probe in request.probes if probe.target not in planned), request, kernel)
    _tell_what_is_left_out(plan, request)
    wanted = {collector.owner: running[collector] for collector in declared} if run else None
    return Prepared(plan, members, tuple(declared), own.declaration(kernel), wanted)


def declarations(selection: Selection, request: Request, kernel: TypedKernel) -> tuple[Declaration, ...]:
    """What the collectors declare that would run.

    Raises:
        PluginError: a named collector cannot run, none is left, or one misbehaves.
    """
    return tuple(_declared(_runnable(selection, kernel, ""), selection, request, kernel).values())


def _declared(
    running: Iterable[Collector], selection: Selection, request: Request, kernel: TypedKernel
) -> dict[Collector, Declaration]:
    declared = {c: declare(c, kernel, selection.options[c.owner.name]) for c in running}
    for collector in running:
        lacking = _lacking_probe(declared[collector], request, kernel)
        if lacking is None:
            continue
        probe, error = lacking
        if collector not in selection.named:
            selection.left_out(collector, error.message)
            del declared[collector]
        elif probe.kind.in_process:  # of which the user knows more than we do: the hint is about that
            raise error
        else:
            reason = f"cannot run {collector.owner}: {error.message}"
            raise PluginError(reason, hint="leave it out of -c; see: tracer doctor") from error
    if not declared:
        raise _none_can_run()
    return declared


def _lacking_probe(declared: Declaration, request: Request, kernel: TypedKernel) -> tuple[Probe, TracerError] | None:
    """The first probe that a collector needs and that cannot be had, and why."""
    for probe in declared.probes:
        try:
            if not probe.optional:
                list(locate(probe, request.abilities, kernel, request.userspace))
        except TracerError as error:
            return probe, error
    return None


def _none_can_run() -> PluginError:
    return PluginError("no collector can run here", hint="see: tracer plugins")


def _tell_what_is_absent(probes: Iterable[Probe], request: Request, kernel: TypedKernel) -> None:
    told = []
    for probe in absent(probes, request.abilities, kernel):
        hint = meant(probe, kernel) if probe.target in request.doubted else ""
        told.append(f"{probe} ({hint})" if hint else str(probe))
    if told:
        log.info("Tracing without probe(s) that this kernel does not have: %s", ", ".join(told))


def _tell_what_is_left_out(plan: Plan, request: Request) -> None:
    named, by_chance = {probe.target for probe in request.probes}, 0
    for probe in plan.skipped:
        is_chance = probe.optional and probe.target not in named
        by_chance += is_chance
        level = logging.DEBUG if is_chance else logging.INFO
        log.log(level, "No probe was attached to %s as no collector could retrieve data from it", probe.target)
    if by_chance:
        log.info(
            "No probe was attached to %d place(s) that match by name, as no collector could retrieve data from them",
            by_chance,
        )
    for reason in plan.missing:
        log.warning("%s; tracing without it", reason)


def without(prepared: Prepared, name: str, request: Request, kernel: TypedKernel) -> Plan:
    """The plan of the same run without one collector, to find out who is to blame for a failure.

    Raises:
        TracerError: there is no such plan.
    """
    return make_plan([d for d in prepared.declarations if d.owner.name != name], request, kernel)


def _runnable(selection: Selection, kernel: TypedKernel, run: str) -> dict[Collector, tuple[Change, ...]]:
    """The collectors that can run, each with the changes that it needs."""
    running = {}
    for collector in (*selection.named, *selection.automatic):
        options = selection.options[collector.owner.name]
        unavailable = check(collector, kernel, options)
        wanted = changes(collector, kernel, options, run) if run and unavailable is None else ()
        unavailable = unavailable or _lacking_program(wanted)
        if unavailable is None:
            running[collector] = wanted
        elif collector in selection.named:
            raise PluginError(f"cannot run {collector.owner}: {unavailable.reason}", hint=unavailable.hint)
        else:
            selection.left_out(collector, unavailable.reason)
    if not running:
        raise _none_can_run()
    return running


def _lacking_program(wanted: Iterable[Change]) -> Unavailable | None:
    """Why changes cannot be made, if a program for one of them is not installed."""
    for change in wanted:
        for program in (change.do[0], change.undo[0]):
            if shutil.which(program) is None:
                reason = f"{program} binary not available: it would make {change.what}"
                return Unavailable(reason, f"install {program}, or leave out --allow-system-changes")
    return None
