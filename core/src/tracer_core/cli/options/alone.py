"""One option of a command line, before it is known which others there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Iterable


def alone(args: Iterable[str], *flags: str, beside: Iterable[click.Parameter] = ()) -> tuple[str, ...]:
    """All values of one option, read alone out of a command line.

    Args:
        args: The command line.
        flags: Of the option, short and long.
        beside: Others that are known already. Letters behind a short one that takes a value are that, not options.
    """
    only = click.Command(
        "alone",
        params=[
            *(param for param in beside if not set(flags).intersection(param.opts)),
            click.Option([*flags, "alone"], multiple=True),
        ],
        context_settings={"ignore_unknown_options": True, "allow_extra_args": True},
        add_help_option=False,
    )
    with only.make_context("alone", list(args), resilient_parsing=True) as ctx:
        return tuple(ctx.params["alone"] or ())
