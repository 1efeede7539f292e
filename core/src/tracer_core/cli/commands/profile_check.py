"""What is wrong with a file of profiles beyond its form: options that there are not, values that they do not take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tracer_core.cli.collectors import CollectorCommand, collector_of, selection
from tracer_core.cli.profiles.command import ProfiledCommand, fitting, like, options_by_flag
from tracer_core.cli.profiles.profiled import have_checked, profiled_of
from tracer_core.errors import MachineError, TracerError, UsageError
from tracer_core.plugins.declaration import shown
from tracer_core.profiles.choose import Chosen
from tracer_core.profiles.profile import Argument, Entry, Problem, Profile, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def problems_of(root: click.Group, reading: Reading) -> list[Problem]:
    """All that is wrong with a file, by line.

    Args:
        root: What the commands that profiles have options for belong to.
        reading: What was found in the file.
    """
    found = list(reading.problems)
    for profile in reading.profiles:
        for name, entries in profile.entries.items():
            command = root.get_command(_context(root), name)
            if isinstance(command, ProfiledCommand):
                for entry in entries:
                    found += _Checker(profile, entry, command).problems(_context(root))
    return sorted(dict.fromkeys(found), key=lambda problem: problem.line)


def named_twice(readings: Iterable[Reading]) -> Iterator[Problem]:
    """Profiles with a name that another one of the same folder has, too: neither is found by it."""
    first: dict[tuple[Path, str], Profile] = {}
    for profile in (profile for reading in readings for profile in reading.profiles):
        other = first.setdefault((Path(profile.origin).parent, profile.name), profile)
        if other is not profile:
            what = f"there is a profile {profile.name} at {other.at(other.line)}, too"
            yield Problem(profile.origin, profile.line, what, profile.name)


def _context(root: click.Group) -> click.Context:
    # with its settings: commands remember names of options that they take from it
    return click.Context(root, info_name="tracer", **root.context_settings)


class _Checker:
    """Looks at the options of one entry, one by one.

    Args:
        profile: Whose.
        entry: Which.
        command: That they are for.
    """

    def __init__(self, profile: Profile, entry: Entry, command: ProfiledCommand) -> None:
        self._profile = profile
        self._entry = entry
        self._command = command

    def problems(self, parent: click.Context) -> Iterator[Problem]:
        """What is wrong with the profile, in the order of its lines.

        Args:
            parent: Of the command's context; nobody else has it.
        """
        selecting = tuple(argument for argument in self._entry.arguments if argument.is_collectors)
        line = selecting[0].line if selecting else self._entry.line
        have_checked(parent, Chosen(self._profile, replace(self._entry, arguments=selecting)))
        try:
            ctx = self._command.make_context(self._command.name, [], parent=parent)
        except (TracerError, click.ClickException) as error:
            yield self._problem(line, error)
            return
        profiled = profiled_of(ctx)
        for name, reason in sorted(profiled.left_out.items()):
            advice = f"; {reason.hint}" if reason.hint else ""
            what = f"collector {shown(name)} cannot be used here, so its options were not checked{advice}"
            yield Problem(self._profile.origin, line, what, self._profile.name, is_fatal=False)
        known = options_by_flag(self._command, ctx)
        for argument in self._entry.arguments:
            if argument.flag in known or not profiled.is_left_out(argument):
                yield from self._of_argument(argument, known, ctx)

    def _of_argument(self, argument: Argument, known: dict[str, click.Option], ctx: click.Context) -> Iterator[Problem]:
        param = known.get(argument.flag)
        if param is None:
            if (collector := collector_of(argument.flag, ctx)) is not None:
                what = f"{argument.flag} does nothing: collector {collector} is not selected; add -c {collector}"
                yield Problem(self._profile.origin, argument.line, what, self._profile.name, is_fatal=False)
                return
            what = f"{ctx.command_path} has no option {argument.flag}, with the collectors that are selected"
            yield self._problem(argument.line, UsageError(what, hint=like(argument.flag, known)))
            return
        try:
            fitting(argument, param)
        except TracerError as error:
            yield self._problem(argument.line, error)
            return
        for value in argument.values or ():
            try:
                _refuse(argument, value.text, param, ctx)
            except MachineError:  # this machine cannot tell
                continue
            except TracerError as error:
                yield self._problem(value.line, error)
            except click.ClickException as error:
                yield self._problem(value.line, UsageError(f"{argument.flag}: {error.message.rstrip('.')}"))

    def _problem(self, line: int, error: TracerError | click.ClickException) -> Problem:
        what = str(error) if isinstance(error, TracerError) else error.format_message()
        return Problem(self._profile.origin, line, " ".join(what.split()), self._profile.name)


def _refuse(argument: Argument, text: str, param: click.Option, ctx: click.Context) -> None:
    """Refuse a value that an option does not take.

    Raises:
        TracerError: it does not.
        click.ClickException: ditto.
    """
    converted = param.type.convert(text, param, ctx)
    if isinstance(ctx.command, CollectorCommand):
        # what collectors say of their options
        selection(ctx, {**ctx.params, str(param.name): (converted,) if param.multiple else converted})
    if argument.is_probes:
        from tracer_core.plan.request import parse_probe  # noqa: PLC0415 - only some have any

        parse_probe(text)
    elif argument.name == "filter-packet":
        from tracer_core.filters.packet import packet_filter  # noqa: PLC0415 - ditto

        packet_filter([text])
    elif argument.name == "filter-meta":
        from tracer_core.filters.metadata.wanted import metadata_filter  # noqa: PLC0415 - ditto

        metadata_filter([text])
