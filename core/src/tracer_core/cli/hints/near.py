"""What was meant by a name that there is not."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

import click

from tracer_core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_INSTEAD = {"man": "man tracer", "trace": "tracer collect", "version": "tracer --version"}
"""What other tools have as commands, and what it is here."""


def no_such_command(ctx: click.Context, words: Sequence[str], known: Collection[str]) -> click.UsageError | UsageError:
    """The error for a command that there is not.

    Args:
        ctx: Of the group.
        words: What was typed, from the command on.
        known: Commands that there are.
    """
    name, *rest = words
    message = f"No such command {name!r}"
    if name == "help":
        wanted = rest[:1] if rest and rest[0] in known else []
        return UsageError(message, hint=f"use: {' '.join((ctx.command_path, *wanted, '--help'))}")
    if name in _INSTEAD and ctx.parent is None:
        return UsageError(message, hint=f"use: {_INSTEAD[name]}")
    near = [repr(other) for other in get_close_matches(name, sorted(known))]
    asked = f". Did you mean {' or '.join(near)}?" if near else ""
    return click.UsageError(f"{message}{asked}", ctx=ctx)
