"""How the user wants the text of events: options that several commands have."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tracer_core.cli.colour import ALWAYS, AUTO, NEVER, for_events
from tracer_core.cli.stdout import pager

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracer_core.display.text import TextFormat
    from tracer_core.plugins.declaration import Owner
    from tracer_core.types import Formatter, TextOptions

F = TypeVar("F", bound="Callable[..., Any]")

_MULTI_LINE = "multi-line"

_OPTIONS = (
    click.option("-e", "link_layer", is_flag=True, help="Show link-layer headers."),
    click.option(
        "--format",
        "layout",
        type=click.Choice([_MULTI_LINE, "single-line"]),
        default=_MULTI_LINE,
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


@dataclass(frozen=True, kw_only=True)
class TextChoice:
    """What the user says with those options. Each field is the parameter of its name."""

    link_layer: bool
    layout: str
    color: str
    utc: bool

    @property
    def multi_line(self) -> bool:
        """Whether an event takes several lines."""
        return self.layout == _MULTI_LINE

    @property
    def options(self) -> TextOptions:
        """What formatters are told of it."""
        from tracer_core.types import TextOptions  # noqa: PLC0415 - not for --help

        return TextOptions(link_layer=self.link_layer, multi_line=self.multi_line)


def text_format(
    formatters: Iterable[tuple[Owner, Formatter]], choice: TextChoice, *, paged: bool = False
) -> TextFormat:
    """The text that the user wants.

    Args:
        formatters: Of the collectors, with their owners.
        choice: How the user wants it.
        paged: It is for :func:`~tracer_core.cli.stdout.page`.

    Raises:
        PluginError: two collectors format one section.
    """
    from tracer_core.display.text import TextFormat  # noqa: PLC0415 - not for --help

    coloured = for_events(choice.color, pager() if paged else None)
    return TextFormat(formatters, choice.options, utc=choice.utc, coloured=coloured)
