"""``tracer doctor``: what this machine offers and how to fix what it lacks."""

from __future__ import annotations

import json

import click

from tracer_core.errors import ExitCode


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object instead of text.")
def doctor(*, as_json: bool) -> None:
    """Check whether this machine can trace, and say how to fix what is missing.

    Tries what the kernel can do with empty BPF programs, which are gone when the command ends. Works
    without privileges, but then much is denied. Put its output into bug reports.

    As root, it also undoes what killed runs with --allow-system-changes
    left behind.

    Exits with 0 if all that is required to collect works, otherwise with 4.
    """
    from tracer_core.changes.changes import clean  # noqa: PLC0415 start-up: most commands do without
    from tracer_core.doctor import report  # noqa: PLC0415 start-up: most commands do without
    from tracer_core.doctor.system import live  # noqa: PLC0415 ditto

    clean()
    rows = report.diagnose(live())
    if as_json:
        click.echo(json.dumps(report.as_json(rows), indent=2))
    else:
        click.echo("\n".join(report.as_text(rows)))
    if report.blocking(rows):
        click.get_current_context().exit(ExitCode.ENVIRONMENT)
