"""Selection of collectors on the command line, and their options: known only once the collectors are."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from tracer_core.cli.completion.demand import listed
from tracer_core.cli.hints.unquoted import hinting_at_quotes
from tracer_core.cli.messages import warn_left_out
from tracer_core.cli.options.alone import alone
from tracer_core.cli.options.topics import ALL, COLLECT, Topic, write_options
from tracer_core.cli.profiles.command import ProfiledCommand
from tracer_core.cli.profiles.profiled import blaming, prepare_profiles, profiled_of
from tracer_core.errors import PluginError, TracerError, UsageError
from tracer_core.options import OptionSpec, option_specs
from tracer_core.plugins.declaration import BUG, shown
from tracer_core.plugins.host import Host
from tracer_core.run.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracer_core.cli.profiles.profiled import Profiled
    from tracer_core.plugins.host import Collector

log = logging.getLogger(__name__)

AUTO = "auto"
_ALL = "all"  # what it is not called
_SELECTION = "tracer_core.selection"
_BYSTANDERS = "tracer_core.bystanders"


def names(values: Iterable[str]) -> tuple[str, ...]:
    """Canonical names out of comma-separated lists; ``-`` and ``_`` are the same."""
    parts = (part.strip().replace("-", "_") for value in values for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


class CollectorCommand(ProfiledCommand):
    """A command with ``-c`` and, beside its own options, those of the selected collectors.

    Parsing has two passes: the first only reads ``-c``, the second knows the options of the collectors that were named.
    Others are not imported, but for those whose options are given all the same, in a profile perhaps that is used
    together with another: these do nothing, which is said. Profiles name collectors, too: those that are not there are
    left out, unless the profile needs them.
    """

    topics: Sequence[Topic] = COLLECT
    """By which help has its own options."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """See click. Loads collectors: all usable ones for ``--help`` and ``-c auto``."""
        with hinting_at_quotes(ctx, args):
            self._select(ctx, args)
            return super().parse_args(ctx, args)

    def _select(self, ctx: click.Context, args: list[str]) -> None:
        host = Host()
        profiled = prepare_profiles(ctx, args, lambda: host)
        wished = self._wished(profiled, args)
        line = [*profiled.given, *args]
        wanted = self._named(line) or (AUTO,)
        named = tuple(_found(ctx, host, profiled, (name for name in wanted if name not in (AUTO, *wished))))
        if_there = tuple(_there(host, profiled, wished))
        selected = self._selected(line, (*named, *if_there), host)
        named += tuple(host.collector(name) for name in dict.fromkeys(selected) if name not in wanted)
        help_only = not set(args).isdisjoint((*ctx.help_option_names, ALL))
        loaded = host.usable(_ignore if help_only else warn_left_out) if help_only or AUTO in wanted else ()
        automatic = tuple(collector for collector in loaded if collector not in (*named, *if_there))
        chosen = ctx.meta[_SELECTION] = Selection(named, (*if_there, *automatic), {}, frozenset(wished))
        ctx.meta[_BYSTANDERS] = tuple(_bystanders(line, host, _all(chosen)))

    def _named(self, args: Iterable[str]) -> tuple[str, ...]:
        return names(alone(args, "-c", "--collectors", beside=self.params))

    def _wished(self, profiled: Profiled, args: Iterable[str]) -> tuple[str, ...]:
        """Collectors that only profiles name, and can do without."""
        own = (AUTO, *self._named(args))
        theirs = (name for name in self._named(profiled.given) if name not in own)
        return tuple(name for name in theirs if not profiled.demands(name, shown(name)))

    def _selected(self, args: Iterable[str], collectors: Sequence[Collector], host: Host) -> Iterator[str]:
        """Collectors that values of options of others stand for."""
        for collector in collectors:
            for spec in option_specs(collector.spec.options):
                flag = spec.flag(collector.owner.name)
                values = _listed(alone(args, flag, beside=self.params)) if spec.selects else ()
                yield from (name for name in spec.selects if name in values and name in host.names)

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Own parameters, then those of the selected collectors, and of those whose options are given in vain."""
        theirs = _params((*_all(ctx.meta.get(_SELECTION)), *ctx.meta.get(_BYSTANDERS, ())))
        return [*super().get_params(ctx), *(param for _, param in theirs)]

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Own options by topic, then a heading per collector."""
        theirs = (
            (f"Collector {shown(each.owner.name)!r}", [param for _, param in _params([each])])
            for each in _all(ctx.meta.get(_SELECTION))
        )
        write_options(ctx, formatter, self.topics, theirs)


def selection(ctx: click.Context, values: dict[str, Any]) -> Selection:
    """The selected collectors with the values of their options.

    Args:
        ctx: Of the command.
        values: Parsed parameters; those of collectors are taken out.

    Raises:
        UsageError: an option's value is refused by its collector.
        PluginError: a collector's options class raised something it should not.
    """
    chosen: Selection = ctx.meta[_SELECTION]
    for collector, spec in _given(ctx, ctx.meta[_BYSTANDERS]):
        flag = spec.flag(collector.owner.name)
        where = profiled_of(ctx).where(flag)
        name = shown(collector.owner.name)
        log.warning(
            "%s%s does nothing: collector %s is not selected; add -c %s", where and f"{where}: ", flag, *[name] * 2
        )
    for _, param in _params(ctx.meta[_BYSTANDERS]):
        values.pop(str(param.name))
    wished = chosen.wished | {collector.owner.name for collector, _ in _given(ctx, chosen.automatic)}
    options = {}
    for collector in _all(chosen):
        fields = {}
        for spec in option_specs(collector.spec.options):
            with blaming(profiled_of(ctx).where(spec.flag(collector.owner.name))):
                fields[spec.name] = _value(collector, spec, values.pop(_parameter(collector, spec)), chosen)
        try:
            options[collector.owner.name] = collector.spec.options(**fields)
        except TracerError:
            raise
        except ValueError as error:
            raise UsageError(f"{collector.owner}: {error}", hint="see: tracer collect --help") from error
        except Exception as error:
            raise PluginError(
                f"{collector.owner}: its options failed: {type(error).__name__}: {error}",
                hint=BUG,
            ) from error
    return Selection(chosen.named, chosen.automatic, options, wished)


def collector_of(flag: str, ctx: click.Context) -> str | None:
    """The collector that has an option, if it is installed and not among those that are selected for a command."""
    for collector in _bystanders([flag], Host(), _all(ctx.meta.get(_SELECTION))):
        if any(spec.flag(collector.owner.name) == flag for spec in option_specs(collector.spec.options)):
            return shown(collector.owner.name)
    return None


def _all(selection: Selection | None) -> Sequence[Collector]:
    return (*selection.named, *selection.automatic) if selection else ()


def _found(ctx: click.Context, host: Host, profiled: Profiled, names: Iterable[str]) -> Iterator[Collector]:
    for name in names:
        try:
            yield host.collector(name)
        except PluginError as error:
            if ctx.resilient_parsing:  # while it is typed, it may be anything
                continue
            message, hint = error.message, error.hint
            if name == _ALL and name not in host.names:
                hint = f"all that can run here: -c {AUTO}"
            if not profiled.is_check and profiled.demands(name, shown(name)):
                message = f"{profiled.where('--collectors')}: {message}, and the profile requires it"
            raise PluginError(message, hint=hint) from error


def _there(host: Host, profiled: Profiled, wished: Iterable[str]) -> Iterator[Collector]:
    """Those of them that are there."""
    for name in wished:
        try:
            yield host.collector(name)
        except PluginError as error:
            profiled.left_out[name] = error
            if not profiled.is_check:
                warn_left_out(error, advise=True)


def _listed(values: Iterable[str]) -> tuple[str, ...]:
    """What is in comma-separated lists, once each."""
    parts = (part.strip() for value in values for part in value.split(","))
    return tuple(dict.fromkeys(part for part in parts if part))


def _params(collectors: Iterable[Collector]) -> Iterator[tuple[Collector, click.Parameter]]:
    for collector in collectors:
        for spec in option_specs(collector.spec.options):
            yield collector, _option(collector, spec)


def _given(ctx: click.Context, collectors: Iterable[Collector]) -> Iterator[tuple[Collector, OptionSpec]]:
    """Their options that were given."""
    for collector in collectors:
        for spec in option_specs(collector.spec.options):
            if ctx.get_parameter_source(_parameter(collector, spec)) is ParameterSource.COMMANDLINE:
                yield collector, spec


def _option(collector: Collector, spec: OptionSpec) -> click.Option:
    flag, name = spec.flag(collector.owner.name), _parameter(collector, spec)
    if isinstance(spec.default, bool):
        return click.Option([flag, name], is_flag=True, default=spec.default, help=spec.help)
    if isinstance(spec.default, tuple):
        shown = f"{spec.help}  [default: {','.join(spec.default)}]" if spec.default else spec.help
        complete = listed(lambda: spec.choices)
        return click.Option([flag, name], multiple=True, metavar="LIST", help=shown, shell_complete=complete)
    return click.Option([flag, name], type=type(spec.default), default=spec.default, show_default=True, help=spec.help)


def _parameter(collector: Collector, spec: OptionSpec) -> str:
    return f"{collector.owner.name}__{spec.name}"


def _value(collector: Collector, spec: OptionSpec, value: Any, chosen: Selection) -> Any:  # noqa: ANN401 - any type
    """What the collector sees of an option."""
    if not isinstance(spec.default, tuple):
        return value
    flag, found = spec.flag(collector.owner.name), []
    selected = {other.owner.name for other in _all(chosen)}
    for part in _listed(value):
        if part in spec.selects:
            hint = "" if part in selected else f", which is not installed: pip install tracer-{shown(part)}"
            log.warning("Use of '%s' in %s is deprecated: it is now a collector%s", part, flag, hint)
        elif part in spec.obsolete:
            if spec.obsolete[part]:
                log.warning("Use of '%s' in %s is deprecated: %s", part, flag, spec.obsolete[part])
        elif spec.choices and part not in spec.choices:
            hint = f"choose from {', '.join(spec.choices)}"
            raise UsageError(f"{flag}: there is no '{part}'", hint=hint)
        else:
            found.append(part)
    return tuple(found) if value else spec.default


def _ignore(_: PluginError) -> None:
    """Help is about those that work; ``tracer plugins`` is about the others."""


def _bystanders(args: Iterable[str], host: Host, selected: Iterable[Collector]) -> Iterator[Collector]:
    """Collectors that are installed and not selected, and whose options are given; if they can be used at all."""
    flags = {arg.partition("=")[0] for arg in args if arg.startswith("--")}
    others = set(host.names).difference(collector.owner.name for collector in selected)
    owners = (max((name for name in host.names if _is_of(name, flag)), key=len, default="") for flag in sorted(flags))
    for name in dict.fromkeys(owners):
        if name in others:
            with suppress(PluginError):
                yield host.collector(name)


def _is_of(name: str, flag: str) -> bool:
    return flag.startswith(f"--{shown(name)}-")
