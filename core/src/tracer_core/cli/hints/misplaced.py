"""Options that are given after a command and belong before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import click


def misplaced(error: click.NoSuchOption) -> str | None:
    """Where an option goes that a command does not have, if it is one of ``tracer`` itself."""
    if error.ctx is None or error.ctx.parent is None:
        return None
    root = error.ctx.find_root()
    param = next((param for param in root.command.params if error.option_name in param.opts), None)
    if param is None:
        return None
    tracer, _, command = error.ctx.command_path.partition(" ")
    value = "" if getattr(param, "is_flag", False) else f" {param.make_metavar(root)}"
    return f"{error.option_name} goes before the command: {tracer} {error.option_name}{value} {command}"
