"""``tracer schema``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from tracer_core.cli.options.input import Input
from tracer_core.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterable


@click.command()
def schema() -> int:
    """Print the JSON schema of an event, with the sections of all installed collectors."""
    click.echo(json.dumps(schema_of(Input().sections()), indent=2))
    return ExitCode.OK


def schema_of(sections: Iterable[type[Any]]) -> dict[str, Any]:
    """The schema of an event with sections of these classes."""
    # imported here, so that --help need not pay for it
    from tracer_core.events.form import form_of  # noqa: PLC0415
    from tracer_core.files.json.schema import schema as json_schema  # noqa: PLC0415

    return json_schema(sorted(map(form_of, sections), key=lambda form: form.name))
