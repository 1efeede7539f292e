"""``tracer profile``: which profiles there are, what they say, and what is wrong with them."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.options.kernel import KernelChoice, kernel_option
from tracer_core.cli.prefixes import PrefixGroup
from tracer_core.cli.profiles.profiled import wanted_of
from tracer_core.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tracer_core.kernel.view import TypedKernel
    from tracer_core.profiles.choose import Chosen
    from tracer_core.profiles.profile import Profile

log = logging.getLogger(__name__)

_NAME_WIDTH = 20


@click.group(cls=PrefixGroup)
def profile() -> None:
    """List, show and check profiles: named sets of options, in files.

    They are applied with tracer -p NAME, before the command.
    """


@profile.command("list")
@click.pass_context
def list_profiles(ctx: click.Context) -> int:
    """List all profiles, by place. Of several with one name, that in the first place counts."""
    from tracer_core.display.printable import printable  # noqa: PLC0415 - not for --help
    from tracer_core.plugins.host import Host  # noqa: PLC0415 - ditto
    from tracer_core.profiles.find import shelves  # noqa: PLC0415 - ditto

    for shelf in shelves(wanted_of(ctx).folder, Host):
        click.echo(f"{shelf.name}:")
        for found in shelf.profiles:
            click.echo(printable(f"  {found.name:<{_NAME_WIDTH}} {found.about}".rstrip()))
        for reading in shelf.readings:
            if reading.fatal:
                log.warning("Skipping invalid file %s", reading.fatal[0])
    return ExitCode.OK


@profile.command()
@click.argument("name", metavar="NAME|FILE", shell_complete=on_demand("values", "profiles"))
@kernel_option()
@click.pass_context
def show(ctx: click.Context, name: str, recorded: Path | None) -> int:
    """Show a profile. That is its text, where it is from, and the options that it comes to on this kernel."""
    from tracer_core.cli.options.ingredients import kernel_of  # noqa: PLC0415 - not for --help
    from tracer_core.plugins.host import Host  # noqa: PLC0415 - ditto
    from tracer_core.profiles.find import find  # noqa: PLC0415 - ditto

    found = find(name, wanted_of(ctx).folder, Host)
    click.echo(f"# {found.at(found.line)}\n{found.text.rstrip()}")
    kernel = kernel_of(KernelChoice(recorded=recorded))
    for command in found.entries:
        click.echo("\n".join((f"# tracer {command}, on kernel {kernel.release}:", *_applied(found, command, kernel))))
    return ExitCode.OK


@profile.command()
@click.argument(
    "names", nargs=-1, required=True, metavar="NAME|FILE|DIR...", shell_complete=on_demand("values", "profiles")
)
@click.pass_context
def check(ctx: click.Context, names: tuple[str, ...]) -> int:
    """Say what is wrong with profiles. With nothing wrong, nothing is said.

    A NAME stands for the file that has the profile, a DIR for all its files. Options are checked against those of the
    commands and collectors that are installed here, probes for their form only. Ends with 1 if there is anything that
    keeps a profile from being used.
    """
    from tracer_core.cli.commands.profile_check import named_twice, problems_of  # noqa: PLC0415 - not for --help
    from tracer_core.display.printable import printable  # noqa: PLC0415 - ditto
    from tracer_core.plugins.host import Host  # noqa: PLC0415 - ditto
    from tracer_core.profiles.find import find_readings  # noqa: PLC0415 - ditto

    root = ctx.find_root().command
    assert isinstance(root, click.Group)  # noqa: S101 - it is, or we were not called
    meant = [reading for name in names for reading in find_readings(name, wanted_of(ctx).folder, Host)]
    readings = list({reading.origin: reading for reading in meant}.values())
    problems = [problem for reading in readings for problem in problems_of(root, reading)]
    problems += named_twice(readings)
    for problem in problems:
        click.echo(printable(str(problem)))
    return ExitCode.RUNTIME if any(problem.is_fatal for problem in problems) else ExitCode.OK


def _applied(found: Profile, command: str, kernel: TypedKernel) -> Iterator[str]:
    """What becomes of each entry on a kernel, as comments."""
    from tracer_core.profiles.choose import choose  # noqa: PLC0415 - not for --help

    chosen = choose(found, command, lambda: kernel)
    for entry in found.entries[command]:
        if chosen is not None and entry is chosen.entry:
            yield f"#   {entry.name}: applies"
            yield from _options(chosen)
            yield from _lacking(chosen, kernel)
            continue
        failing = next((condition for condition in entry.conditions if not condition.holds(kernel)), None)
        reason = f"does not apply, unless {failing}" if failing is not None else "is not needed, one before it applies"
        yield f"#   {entry.name}: {reason}"


def _options(chosen: Chosen) -> Iterator[str]:
    import shlex  # noqa: PLC0415 - not for --help

    for argument in chosen.entry.arguments:
        for value in argument.values or ():
            yield f"#     {argument.flag}={shlex.quote(value.text)}"
        if argument.values is None:
            yield f"#     {argument.flag}"


def _lacking(chosen: Chosen, kernel: TypedKernel) -> Iterator[str]:
    """The probes that the kernel does not have."""
    from dataclasses import replace  # noqa: PLC0415 - not for --help

    from tracer_core.errors import UsageError  # noqa: PLC0415 - ditto
    from tracer_core.plan.absent import absent, meant  # noqa: PLC0415 - ditto
    from tracer_core.plan.request import Fixed, parse_probe  # noqa: PLC0415 - ditto

    for argument in chosen.entry.arguments:
        for value in (argument.values or ()) if argument.is_probes else ():
            try:
                probe = replace(parse_probe(value.text), optional=True)
            except UsageError as error:
                yield f"#   {chosen.profile.at(value.line)}: {error}"
                continue
            if absent([probe], Fixed(), kernel):
                what = "required" if value.text in chosen.entry.required else "left out"
                hint = "" if chosen.profile.is_shipped else meant(probe, kernel)
                yield f"#   not on this kernel, {what}: {value.text}{f' ({hint})' if hint else ''}"
