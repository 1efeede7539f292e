"""Commands may be shortened."""

from __future__ import annotations

import click


class PrefixGroup(click.Group):
    """A group in which any unambiguous prefix of a command's name stands for it."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See click. Usage and errors name the command in full, and one that there is not may be near another."""
        typed, *rest = args
        known = self.list_commands(ctx)
        matches = [typed] if typed in known else [name for name in known if name.startswith(typed)]
        if len(matches) > 1:
            ctx.fail(f"{typed!r} is ambiguous: {', '.join(matches)}")
        is_option = typed.startswith("-")  # behind "--"
        if not (matches or is_option or ctx.resilient_parsing):
            from tracer_core.cli.hints.near import no_such_command  # noqa: PLC0415 - only when something is wrong

            raise no_such_command(ctx, args, known)
        return super().resolve_command(ctx, [*matches, *rest] if matches else args)
