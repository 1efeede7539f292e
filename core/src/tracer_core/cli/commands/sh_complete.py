"""``tracer sh-complete``."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import click

from tracer_core.errors import ExitCode, UsageError
from tracer_core.paths import is_folder


@click.command("sh-complete")
@click.option("--shell", type=click.Choice(["bash", "zsh", "fish"]), required=True, help="For this shell.")
@click.option(
    "--register",
    "place",
    type=click.Path(),
    metavar="PATH",
    help="Write to this file, or into this folder, with the name that the shell expects. A folder that does not exist "
    "yet ends with a /, and is made.",
)
@click.pass_context
def sh_complete(ctx: click.Context, shell: str, place: str | None) -> int:
    """Print the script for completion of tracer's command lines in a shell.

    For this session: source <(tracer sh-complete --shell bash). It completes commands, options, collectors, probes,
    event files, and whatever else has a list of values.
    """
    from tracer_core.cli.completion.shells import script  # noqa: PLC0415 - not for --help

    text, name = script(shell, ctx.find_root().command)
    if place is None:
        click.echo(text, nl=False)
        return ExitCode.OK
    path = Path(place, name) if place.endswith("/") or is_folder(Path(place)) else Path(place)
    try:
        with suppress(FileExistsError):
            path.parent.mkdir(parents=True)
        path.write_text(text)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}", hint="name another file or folder") from error
    return ExitCode.OK
