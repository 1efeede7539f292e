"""``tracer schema``."""

from __future__ import annotations

import json

import click

from tracer_core.errors import ExitCode


@click.command()
def schema() -> int:
    """Print the JSON schema of an event, with the sections of all installed collectors."""
    # imported here, so that --help need not pay for it
    from tracer_core.cli.input import Input  # noqa: PLC0415
    from tracer_core.events.form import form_of  # noqa: PLC0415
    from tracer_core.files.json_schema import schema as schema_of  # noqa: PLC0415

    forms = sorted(map(form_of, Input().sections()), key=lambda form: form.name)
    click.echo(json.dumps(schema_of(forms), indent=2))
    return ExitCode.OK
