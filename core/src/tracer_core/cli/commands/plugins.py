"""``tracer plugins``: who is installed, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from tracer_core.errors import ExitCode
from tracer_core.plugins.declaration import shown
from tracer_core.plugins.host import Host, Row
from tracer_core.plugins.validate import Status
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable

_COLUMNS = ("name", "status", "distribution", "version", "api", "sections", "reason")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> int:
    """List the installed collectors: name, status, distribution, API, sections, and what is wrong."""
    rows = Host().rows()
    records = [_record(row) for row in rows]
    if as_json:
        import json  # noqa: PLC0415

        click.echo(json.dumps(records, indent=2))
    elif records:
        _print_table([{**record, "name": shown(record["name"])} for record in records])
    else:
        click.echo("no collectors installed; for all of ours: pip install tracer-core[all]")
    return ExitCode.OK if all(row.status is Status.OK for row in rows) else ExitCode.PLUGIN


def _record(row: Row) -> dict[str, Any]:
    spec = row.spec
    return {
        "name": row.candidate.name,
        "status": row.status.value,
        "distribution": row.candidate.distribution,
        "version": row.candidate.version,
        "api": ".".join(map(str, spec.api)) if spec else None,
        "sections": [layout_of(cls).name for cls in spec.sections] if spec else [],
        "summary": spec.summary if spec else None,
        "reason": row.reason or None,
    }


def _print_table(records: Iterable[dict[str, Any]]) -> None:
    lines = [tuple(name.upper() for name in _COLUMNS)]
    lines += [tuple(_cell(record[name]) for name in _COLUMNS) for record in records]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cell(value: Any) -> str:  # noqa: ANN401 - whatever a record holds
    text = ",".join(value) if isinstance(value, list) else str(value or "")
    return " ".join(text.split()) or "-"
