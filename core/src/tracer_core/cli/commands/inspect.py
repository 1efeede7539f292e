"""``tracer inspect``: what can be probed here, and who would learn what."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.collectors import CollectorCommand, selection
from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.options import ingredients
from tracer_core.cli.options.kernel import KernelChoice, kconf_option, kernel_option
from tracer_core.cli.options.topics import INSPECT
from tracer_core.cli.stdout import page
from tracer_core.display.places import described
from tracer_core.errors import ExitCode
from tracer_core.plan.inspection import Inspection, wanted
from tracer_core.plan.places import MOUNT
from tracer_core.plan.request import Fixed, Request
from tracer_core.run.prepare import declarations
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.request import Abilities

log = logging.getLogger(__name__)

_ALL = "*"
_NO_FUNCTIONS = "functions that have a type and an address, some of which cannot be traced"
_NO_EVENTS = "no tracepoints, whose groups are not known"


@dataclass(frozen=True, kw_only=True)
class _Options(KernelChoice):
    """All options of the command, but those of collectors."""

    collectors: tuple[str, ...]
    patterns: tuple[str, ...]
    verbose: bool


class _InspectCommand(CollectorCommand):
    """Has options of collectors, but nothing in profiles: their commands are others."""

    takes_profiles = False
    topics = INSPECT


@click.command(cls=_InspectCommand)
@click.option(
    "-p",
    "--probe",
    "patterns",
    multiple=True,
    is_flag=False,
    flag_value=_ALL,
    metavar="[[TYPE:]PATTERN]",
    shell_complete=on_demand("probes", "places"),
    help="Only functions and tracepoints whose name matches, with '*' for any characters; with a TYPE as for "
    "'tracer collect', only what can be probed so. Several may be given.",
)
@click.option(
    "-c",
    "--collectors",
    multiple=True,
    metavar="LIST",
    shell_complete=on_demand("values", "collectors"),
    help="Only where one of these collectors can retrieve data, comma-separated; 'auto' takes all that can run here.  "
    "[default: auto]",
)
@click.option(
    "-v", "--verbose", is_flag=True, help="Also list arguments, which collector reads what, and how to attach."
)
@kconf_option
@kernel_option()
@click.pass_context
def inspect(ctx: click.Context, /, **values: Any) -> int:  # noqa: ANN401 - click's parameters
    """List the functions and tracepoints where the installed collectors can retrieve data.

    One on each line, as 'tracer collect -p' takes it: functions first, then tracepoints.
    """
    chosen = selection(ctx, values)
    options = _Options(**values)
    asked = [wanted(text) for text in dict.fromkeys(options.patterns or (_ALL,))]
    kernel = ingredients.kernel_of(options)
    can_try = not options.recorded and os.geteuid() == 0
    tried = ingredients.abilities_of(options, kernel) if can_try else None
    request = Request(abilities=tried or Fixed(), userspace=ingredients.userspace_of(options))
    inspection = Inspection(declarations(chosen, request, kernel), kernel)
    needs_way = any(each.kind is not ProbeKind.RAW_TRACEPOINT for each in asked)
    entry = _entry(tried) if tried is not None and needs_way else ProbeKind.KPROBE
    found = {place.probe: place for each in asked for place in inspection.places(each, entry)}
    has_functions = any(probe.kind is not ProbeKind.RAW_TRACEPOINT for probe in found)
    _warn_of_gaps(kernel, {each.kind for each in asked}, has_functions=has_functions)
    if entry is None:
        left_out = "" if has_functions else ", and are not listed"
        log.warning("functions cannot be probed on this machine%s; see: tracer doctor", left_out)
    places = sorted(found.values(), key=lambda place: (place.probe.kind is ProbeKind.RAW_TRACEPOINT, str(place.probe)))
    if options.verbose:
        page(f"{line}\n" for place in places for line in described(place, kernel, tried))
    else:
        page(f"{place.probe}\n" for place in places)
    return ExitCode.OK


def _entry(abilities: Abilities) -> ProbeKind | None:
    """How functions are listed: by a kprobe where that works, which fits all of them."""
    return ProbeKind.KPROBE if ProbeKind.KPROBE in abilities.entries else next(iter(abilities.entries), None)


def _warn_of_gaps(kernel: TypedKernel, kinds: Collection[ProbeKind | None], *, has_functions: bool) -> None:
    """Say what is not known without tracefs."""
    gaps = [_NO_FUNCTIONS] if kernel.functions is None and has_functions else []
    gaps += [_NO_EVENTS] if kernel.events is None and None in kinds else []
    if gaps:
        log.warning("tracefs cannot be read: listed are %s; %s", ", and ".join(gaps), MOUNT)
