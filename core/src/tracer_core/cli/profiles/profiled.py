"""Which profiles the user wants for a command, and what is in them for it."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.hints.mixed_up import hinting_at_probes
from tracer_core.cli.options.alone import alone
from tracer_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from tracer_core.errors import PluginError
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plugins.host import Host
    from tracer_core.profiles.choose import Chosen
    from tracer_core.profiles.profile import Argument
    from tracer_core.types import Probe

log = logging.getLogger(__name__)

_WANTED = "tracer_core.profiles.wanted"
_PROFILED = "tracer_core.profiles.profiled"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user says of profiles.

    Attributes:
        names: Of profiles, or paths.
        folder: Where to look first.
    """

    names: tuple[str, ...] = ()
    folder: Path | None = None


@dataclass(slots=True)
class Profiled:
    """What profiles do for a command.

    Attributes:
        args: The user's own.
        chosen: The entries that are applied.
        own: Values of the user's own options, by parameter.
        left_out: Collectors that profiles name, and that cannot be used, with the reason.
        options: What the profiles add, as on a command line.
        kernel: What conditions were asked of, if there were any.
        is_check: Nothing will run: what is left out is not told, but looked at.
    """

    args: tuple[str, ...] = ()
    chosen: tuple[Chosen, ...] = ()
    own: Mapping[str, Any] = field(default_factory=dict)
    left_out: dict[str, PluginError] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    kernel: TypedKernel | None = None
    is_check: bool = False

    @property
    def arguments(self) -> Iterator[tuple[Chosen, Argument]]:
        """The options of all profiles, each with the profile that gives it."""
        for chosen in self.chosen:
            yield from ((chosen, argument) for argument in chosen.entry.arguments)

    @property
    def given(self) -> Iterator[str]:
        """All options as on a command line, whether there are such or not."""
        for _, argument in self.arguments:
            yield from argument.written

    def is_left_out(self, argument: Argument) -> bool:
        """Whether an option that there is not can be one of a collector that was left out."""
        name = argument.name.replace("-", "_")
        return any(name.startswith(f"{collector}_") for collector in self.left_out)

    def demands(self, *names: str) -> bool:
        """Whether an entry cannot do without a probe or collector, by any of its names."""
        return any(name in chosen.entry.required for chosen in self.chosen for name in names)

    def where(self, flag: str, text: str | None = None) -> str:
        """Where an option, or a value of it, stands in a profile; empty if it does not."""
        for chosen, argument in self.arguments:
            lines = [value.line for value in argument.values or () if text in (None, value.text)]
            if argument.flag == flag and (lines or text is None):
                return chosen.profile.at(lines[0] if lines and text is not None else argument.line)
        return ""


def want(ctx: click.Context, names: Sequence[str], folder: Path | None) -> None:
    """Remember what the user says of profiles.

    Args:
        ctx: Of the group.
        names: Lists of names or paths, as they were given.
        folder: Where to look first.

    Raises:
        UsageError: the command takes no profiles, or none is named.
    """
    parts = (part.strip() for value in names for part in value.split(","))
    wanted = Wanted(tuple(dict.fromkeys(part for part in parts if part)), folder)
    if names and not wanted.names:
        raise UsageError("-p: no profile is named", hint="list them with: tracer profile list")
    ctx.meta[_WANTED] = wanted
    group, name = ctx.command, ctx.invoked_subcommand
    if not wanted.names or name is None or not isinstance(group, click.Group):
        return
    command = group.get_command(ctx, name)
    if command is not None and not getattr(command, "takes_profiles", False):
        raise UsageError(f"-p: tracer {command.name} takes no profiles", hint="leave it out; see: tracer --help")


def wanted_of(ctx: click.Context) -> Wanted:
    """What the user says of profiles."""
    found: Wanted = ctx.meta.get(_WANTED, Wanted())
    return found


def profiled_of(ctx: click.Context) -> Profiled:
    """What profiles do for a command; nothing before :func:`prepare_profiles`."""
    found: Profiled = ctx.meta.get(_PROFILED, Profiled())
    return found


def have_checked(ctx: click.Context, chosen: Chosen) -> None:
    """Have commands under a context apply an entry, whatever the user says, only to see whether they can."""
    ctx.meta[_PROFILED] = Profiled(chosen=(chosen,), is_check=True)


def prepare_profiles(ctx: click.Context, args: Sequence[str], host: Callable[[], Host] | None = None) -> Profiled:
    """Find the profiles that the user wants and choose their entries, when it is called first.

    Args:
        ctx: Of the command.
        args: Of the command.
        host: Gives the installed collectors, where they are known already.

    Raises:
        UsageError: there is no such profile, or a bad one.
    """
    wanted = wanted_of(ctx)
    if _PROFILED in ctx.meta or not wanted.names or not set(args).isdisjoint(ctx.help_option_names):
        return profiled_of(ctx)
    from tracer_core.plugins.host import Host  # noqa: PLC0415 - not for --help
    from tracer_core.profiles.choose import choose  # noqa: PLC0415 - ditto
    from tracer_core.profiles.find import find  # noqa: PLC0415 - ditto

    profiled = ctx.meta[_PROFILED] = Profiled(tuple(args))

    def kernel() -> TypedKernel:
        profiled.kernel = profiled.kernel or _kernel_of(args)
        return profiled.kernel

    command, found = ctx.command.name or "", []
    profiles = []
    for name in wanted.names:
        with hinting_at_probes(command, name):
            profiles.append(find(name, wanted.folder, host or Host))
    for profile in profiles:
        chosen = choose(profile, command, kernel)
        if chosen is None:
            log.warning("None of the %s profiles defined in %s were selected", command, profile.name)
            continue
        log.info("Applying profile %s", chosen)
        found.append(chosen)
    profiled.chosen = tuple(found)
    return profiled


def has_profiles(ctx: click.Context) -> bool:
    """Whether the user wants any, be there something for this command in them or not."""
    return _PROFILED in ctx.meta


def probes_of(ctx: click.Context, texts: Sequence[str]) -> Iterator[Probe]:
    """Parse probes. Those that only profiles ask for, and can do without, are optional.

    Raises:
        UsageError: one is not a probe.
    """
    from tracer_core.plan.request import parse_probe  # noqa: PLC0415 - not for --help

    profiled = profiled_of(ctx)
    own = profiled.own.get("probes", ()) if profiled.chosen else texts
    for text in texts:
        if text in own:
            yield parse_probe(text)
            continue
        with blaming(profiled.where("--probe", text)):
            yield replace(parse_probe(text), optional=not profiled.demands(text))


def doubted(ctx: click.Context) -> frozenset[str]:
    """Targets of probes that somebody may have misspelled: those of profiles that are not shipped."""
    from tracer_core.plan.request import parse_probe  # noqa: PLC0415 - not for --help

    return frozenset(
        parse_probe(value.text).target
        for chosen, argument in profiled_of(ctx).arguments
        if argument.is_probes and not chosen.profile.is_shipped
        for value in argument.values or ()
    )


@contextmanager
def blaming(where: str) -> Iterator[None]:
    """Have errors say where in a profile something stands; as they are, if it is nowhere."""
    try:
        yield
    except UsageError as error:
        if not where:
            raise
        raise UsageError(f"{where}: {error.message}", hint=error.hint) from error


def command_line(ctx: click.Context) -> list[str]:
    """The command line of this process, with what profiles add to it."""
    profiled = profiled_of(ctx)
    before = len(sys.argv) - len(profiled.args)
    if tuple(sys.argv[before:]) != profiled.args:
        return sys.argv  # not what was parsed
    return [*sys.argv[:before], *profiled.options, *profiled.args]


def _kernel_of(args: Iterable[str]) -> TypedKernel:
    """The kernel that the command will look at, as far as its options tell."""
    from tracer_core.cli.options.ingredients import kernel_of  # noqa: PLC0415 - only some profiles have conditions
    from tracer_core.cli.options.kernel import KernelChoice  # noqa: PLC0415 - ditto

    recorded, kconf = alone(args, "--kernel"), alone(args, "--kconf")
    choice = KernelChoice(recorded=Path(recorded[-1]) if recorded else None, kconf=Path(kconf[-1]) if kconf else None)
    return kernel_of(choice)
