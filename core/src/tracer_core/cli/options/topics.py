"""What ``--help`` says of a command with many options: the common ones by topic, in a sentence each.

``--help-all`` says all of all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable

ALL = "--help-all"
"""The option that asks for it."""

_LEFT = "Other options"
_META = "tracer_core.help_all"


@dataclass(frozen=True, slots=True)
class Topic:
    """Options that stand together.

    Attributes:
        title: Their heading.
        common: Parameters of the command, in order.
        rare: Those that follow them with ``--help-all``.
    """

    title: str
    common: tuple[str, ...]
    rare: tuple[str, ...] = ()


COLLECT = (
    Topic("What to trace", ("collectors", "probes", "all_skb", "stack", "probe_stack"), ("follow_stack",)),
    Topic("Only some packets", ("filters", "metadata", "netns")),
    Topic(
        "Output",
        ("out", "also_print", "sort", "link_layer", "layout", "utc", "color"),
        ("rotate", "rotate_count"),
    ),
    Topic("End", ("command", "stop_after")),
    Topic("System", ("may_change",), ("ring_size", "most", "sort_timeout", "kconf", "reads")),
    Topic("Debugging", (), ("dry_run", "print_bpf", "recorded", "record_raw", "replay_raw", "ready_file")),
)
"""Of ``tracer collect``."""

INSPECT = (
    Topic("What to list", ("patterns", "collectors", "verbose")),
    Topic("System", ("kconf",)),
    Topic("Debugging", ("recorded",)),
)
"""Of ``tracer inspect``."""


def _show_all(ctx: click.Context, _param: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        ctx.meta[_META] = True
        click.echo(ctx.get_help(), color=ctx.color)
        ctx.exit()


help_all_option = click.option(
    ALL,
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_all,
    help="Show all options, described in full, and exit.",
)
"""Gives a command the option."""


def write_options(
    ctx: click.Context,
    formatter: click.HelpFormatter,
    topics: Iterable[Topic],
    others: Iterable[tuple[str, Iterable[click.Parameter]]],
) -> None:
    """Write the options of a command under their headings: by topic, then others, then those that ask for help.

    Rare ones, and more than a sentence of each, only if all are asked for, or nobody can ask for them.

    Args:
        ctx: Of the command.
        formatter: Takes it.
        topics: In order. What is in none of them gets a heading of its own.
        others: Headings, each with what stands there: what does not belong to the command itself.
    """
    left = {str(param.name): param for param in click.Command.get_params(ctx.command, ctx)}
    is_all = _META in ctx.meta or not any(ALL in param.opts for param in left.values())
    asking = [left.pop(name) for name, param in list(left.items()) if {*param.opts} & {ALL, *ctx.help_option_names}]
    found = []
    for topic in topics:
        common, rare = ([left.pop(name) for name in names if name in left] for names in (topic.common, topic.rare))
        found.append((topic.title, common + rare if is_all else common))
    for title, params in (*found, (_LEFT, left.values()), *others, ("Help", asking)):
        records = [record for param in params if (record := param.get_help_record(ctx)) is not None]
        if records:
            with formatter.section(title):
                formatter.write_dl([(names, text if is_all else brief(text)) for names, text in records])


def brief(text: str) -> str:
    """The first sentence of the help on an option, and what click adds in brackets."""
    said, bracket, more = text.partition("  [")
    sentence, stop, _ = said.partition(". ")
    return f"{sentence}{stop.rstrip()}{bracket}{more}"
