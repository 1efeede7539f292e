"""How the user wants the text of events: options that several commands have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from tracer_core.cli.colour import ALWAYS, AUTO, NEVER, for_events
from tracer_core.cli.stdout import pager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tracer_core.display.text import TextFormat
    from tracer_core.plugins.declaration import Owner
    from tracer_core.types import Formatter, TextOptions

F = TypeVar("F", bound="Callable[..., Any]")

_OPTIONS = (
    click.option("-e", "link_layer", is_flag=True, help="Show link-layer headers."),
    click.option(
        "--format",
        "layout",
        type=click.Choice(["multi-line", "single-line"]),
        default="multi-line",
        show_default=True,
        help="Layout of the text.",
    ),
    click.option(
        "--color",
        type=click.Choice([AUTO, ALWAYS, NEVER]),
        default=AUTO,
        show_default=True,
        help="Colour the text; auto does at terminals, unless NO_COLOR is set.",
    ),
    click.option("--utc", is_flag=True, help="Show times as dates, in UTC, not as nanoseconds since boot."),
)


def text_options(command: F) -> F:
    """Give a command the options that :func:`text_format` reads."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def text_options_of(values: Mapping[str, Any]) -> TextOptions:
    """How the user wants text, by the values of those options."""
    from tracer_core.types import TextOptions  # noqa: PLC0415 - not for --help

    return TextOptions(link_layer=values["link_layer"], multi_line=values["layout"] == "multi-line")


def text_format(
    formatters: Iterable[tuple[Owner, Formatter]], values: Mapping[str, Any], *, paged: bool = False
) -> TextFormat:
    """The text that the user wants.

    Args:
        formatters: Of the collectors, with their owners.
        values: Of the command's options.
        paged: It is for :func:`~tracer_core.cli.stdout.page`.

    Raises:
        PluginError: two collectors format one section.
    """
    from tracer_core.display.text import TextFormat  # noqa: PLC0415 - not for --help

    coloured = for_events(values["color"], pager() if paged else None)
    return TextFormat(formatters, text_options_of(values), utc=values["utc"], coloured=coloured)
