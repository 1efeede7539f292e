"""Options of profiles come before the user's own, who thus has the last word."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.hints.mixed_up import hinting_at_profiles
from tracer_core.cli.profiles.profiled import Profiled, blaming, command_line, prepare_profiles, wanted_of
from tracer_core.errors import UsageError, near

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from tracer_core.profiles.choose import Chosen
    from tracer_core.profiles.profile import Argument

log = logging.getLogger(__name__)


class ProfiledCommand(click.Command):
    """A command that profiles have options for, under its name: one of ``COMMANDS``."""

    takes_profiles = True

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click."""
        profiled = prepare_profiles(ctx, args)
        if not profiled.chosen:
            return super().parse_args(ctx, args)
        profiled.own = self.make_parser(ctx).parse_args(list(args))[0]
        profiled.options = tuple(_merged(ctx, profiled, options_by_flag(self, ctx)))
        log.debug("Resulting CLI arguments: %s", " ".join(command_line(ctx)))
        try:
            return super().parse_args(ctx, [*profiled.options, *args])
        except click.UsageError as error:
            raise _blamed(error, profiled) from error

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - as click's
        """See click."""
        with hinting_at_profiles(ctx.command.name or "", ctx.params.get("probes") or (), wanted_of(ctx).folder):
            return super().invoke(ctx)


def options_by_flag(command: click.Command, ctx: click.Context) -> dict[str, click.Option]:
    """The options of a command that profiles may have, by each of their flags."""
    params = (param for param in command.get_params(ctx) if isinstance(param, click.Option) and not param.is_eager)
    return {flag: param for param in params for flag in param.opts}


def _merged(ctx: click.Context, profiled: Profiled, known: Mapping[str, click.Option]) -> Iterator[str]:
    """What profiles add, but for what the user says differently.

    Raises:
        click.NoSuchOption: there is no such option.
        UsageError: ditto, but one like it; it is used in a wrong way; or two profiles contradict each other.
    """
    first: dict[str, tuple[Chosen, list[str]]] = {}
    for chosen, argument in profiled.arguments:
        where, param = chosen.profile.at(argument.line), known.get(argument.flag)
        if param is None and profiled.is_left_out(argument):
            continue
        if param is None:
            message = f"{where}: {ctx.command_path} has no option {argument.flag}"
            if hint := like(argument.flag, known):
                raise UsageError(message, hint=hint)
            raise click.NoSuchOption(argument.flag, message, ctx=ctx)
        with blaming(where):
            written = fitting(argument, param)
        if param.multiple:
            yield from written
            continue
        if param.name in profiled.own:
            log.debug("%s: %s is overridden", where, argument.flag)
            continue
        other, theirs = first.setdefault(str(param.name), (chosen, written))
        if theirs != written:
            message = f"profiles {other.profile.name} and {chosen.profile.name} contradict each other: "
            raise UsageError(f"{message}{' '.join(theirs)} and {' '.join(written)}", hint=f"give {argument.flag}, too")
        if other is chosen:
            yield from written


def like(flag: str, known: Iterable[str]) -> str:
    """A hint with options that look like one that there is not, as files have them; or nothing."""
    return near(flag.removeprefix("--"), (other[2:] for other in known if other.startswith("--")))


def fitting(argument: Argument, param: click.Option) -> list[str]:
    """An option as on a command line.

    Raises:
        UsageError: it takes no value, or one, or not several.
    """
    written = list(argument.written)
    if argument.values is None and not param.is_flag:
        if not isinstance(param.flag_value, str):
            raise UsageError(f"{argument.flag} needs a value", hint="write it behind the colon")
        return [f"{argument.flag}={param.flag_value}"]
    if argument.values is not None and param.is_flag:
        raise UsageError(f"{argument.flag} takes no value", hint=f"write {argument.name}: ~")
    if not param.multiple and len(written) != 1:
        raise UsageError(f"{argument.flag} takes one value", hint="leave the others out")
    return written


def _blamed(error: click.UsageError, profiled: Profiled) -> click.UsageError:
    """An error of a value that stands in a profile, with where that is."""
    param = getattr(error, "param", None)
    if param is None or param.name in profiled.own:
        return error
    where = next((found for flag in param.opts if (found := profiled.where(flag))), "")
    return click.UsageError(f"{where}: {error.format_message()}", ctx=error.ctx) if where else error
