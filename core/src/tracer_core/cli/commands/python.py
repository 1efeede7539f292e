"""``tracer python``."""

from __future__ import annotations

import signal
from pathlib import Path

import click

from tracer_core.cli.completion.demand import on_demand
from tracer_core.cli.hints.misplaced import misplaced
from tracer_core.cli.options.input import named
from tracer_core.errors import ExitCode, TracerError, UsageError


class _ScriptCommand(click.Command):
    """Says where options of scripts go, which are none of its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if misplaced(error):
                raise
            hint = "give arguments of the script that begin with a dash after --"
            raise UsageError(f"No such option {error.option_name!r}", hint=hint) from error


@click.command(cls=_ScriptCommand)
@click.option(
    "-i",
    "--input",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE[..]",
    shell_complete=on_demand("values", "event_files"),
    help="Event file; FILE.. goes on with the files that follow it in a rotated set.  "
    "[default: tracer.arrow, or else retis.data]",
)
@click.argument("script", required=False, shell_complete=on_demand("values", "scripts"))
@click.argument(
    "arguments",
    nargs=-1,
    type=click.UNPROCESSED,
    metavar="[ARGS]...",
    shell_complete=on_demand("values", "files"),
)
def python(file: Path | None, script: str | None, arguments: tuple[str, ...]) -> int:
    """Run a Python script on the events of a file. Scripts written for Retis run as they are.

    SCRIPT is a file, or the name of one in $HOME/.config/tracer/python, $HOME/.config/retis/python,
    /usr/share/tracer/python or /usr/share/retis/python, without .py. It finds the file as reader, a
    tracer_core.EventFile, and ARGS in sys.argv; those that begin with a dash go after --. Without a script, Python is
    interactive.
    """
    from tracer_core.python.file import EventFile  # noqa: PLC0415 - not for --help
    from tracer_core.python.script import find, interact, run  # noqa: PLC0415 - ditto

    signal.signal(signal.SIGINT, signal.default_int_handler)  # as scripts, and who types them in, know it
    path = find(script) if script is not None else None
    if path is not None and _is_event_file(path):
        hint = f"use: tracer python -i {path} {' '.join(arguments) or '[SCRIPT]'}"
        raise UsageError(f"{path} is an event file, not a script", hint=hint)
    found, follow = named(file)
    reader = EventFile(found, rotated=follow)
    if path is not None:
        return run(path, list(arguments), reader)
    interact(reader)
    return ExitCode.OK


def _is_event_file(path: Path) -> bool:
    if path.suffix == ".py":
        return False
    from tracer_core.files.events import open_events  # noqa: PLC0415 - not for --help

    try:
        with open_events(path, ()):
            return True
    except TracerError:
        return False
