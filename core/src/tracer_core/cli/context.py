"""Errors of the command line know the command that they are of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from types import TracebackType


class CommandContext(click.Context):
    """As click's, but names the command also in errors of which click does not say whose they are.

    Of an option without its value, for instance.
    """

    def __exit__(
        self, exc_type: type[BaseException] | None, exc_value: BaseException | None, tb: TracebackType | None
    ) -> bool | None:
        """See click. Of contexts in each other, the innermost ends first."""
        if isinstance(exc_value, click.UsageError) and exc_value.ctx is None:
            exc_value.ctx = self
        return super().__exit__(exc_type, exc_value, tb)


def naming(command: click.Command) -> click.Command:
    """The command, whose errors name it, with those below it."""
    command.context_class = CommandContext
    if isinstance(command, click.Group):
        for below in command.commands.values():
            naming(below)
    return command
