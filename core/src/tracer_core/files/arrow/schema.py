"""The schema of a table of events: a nullable struct per section, and what the file says of its run.

The format is documented in ``docs/reference/files.md``.
"""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tracer_core.errors import PluginError, RunError
from tracer_core.events.about import About, Split
from tracer_core.files.arrow.form import NAME, fields_to_json, form_from_json, struct_of
from tracer_core.files.contents import Contents
from tracer_core.sections import ProbeInfo

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tracer_core.events.form import SectionForm

FORMAT = 1
"""Version of the format: what readers of an older one would get wrong raises it."""

MARK, META = b"tracer.format", b"tracer"
"""Keys of the metadata: the version, and JSON with all else."""

TASK = pa.struct([("pid", pa.uint32()), ("tgid", pa.uint32()), ("comm", NAME)])
COMMON_TYPE = pa.struct(
    [
        ("timestamp", pa.uint64()),
        ("smp_id", pa.uint32()),
        ("task", TASK),
        ("lost", pa.uint64()),
        ("probe", pa.uint32()),
    ]
)
PLACE = pa.struct([("symbol", NAME), ("probe_type", NAME)])
USER_PLACE = pa.struct([*PLACE, ("path", NAME), ("ip", pa.uint64())])

COMMON, KERNEL, USERSPACE = "common", "kernel", "userspace"
UNDECLARED, SERIES = "undeclared", "series"
_COLUMNS = {
    COMMON: COMMON_TYPE,
    KERNEL: PLACE,
    USERSPACE: USER_PLACE,
    UNDECLARED: pa.string(),
    SERIES: pa.uint64(),
}
RESERVED = frozenset(_COLUMNS)
"""Columns that no section of a collector can have the name of."""


def schema_of(contents: Contents, about: About) -> pa.Schema:
    """The schema for events.

    Args:
        contents: What they may have.
        about: Their run.

    Raises:
        PluginError: a section has the name of a column of ours.
    """
    columns = [pa.field(COMMON, COMMON_TYPE, nullable=False), pa.field(KERNEL, PLACE)]
    if contents.in_process:
        columns.append(pa.field(USERSPACE, USER_PLACE))
    for form in contents.sections:
        if form.name in RESERVED:
            raise PluginError(f"section {form.name} cannot be written: the name is taken", hint="rename it")
        columns.append(pa.field(form.name, struct_of(form)))
    if contents.undeclared:
        columns.append(pa.field(UNDECLARED, pa.string()))
    if contents.is_sorted:
        columns.append(pa.field(SERIES, pa.uint64(), nullable=False))
    said = dataclasses.asdict(about)
    said["sections"] = {
        form.name: {"version": form.version, "fields": fields_to_json(form)} for form in contents.sections
    }
    # what stands last comes first in the file, where it is found even if the rest is long
    return pa.schema(columns, {META: json.dumps(said), MARK: str(FORMAT)})


def is_arrow_events(head: bytes) -> bool:
    """Whether a file that begins like this, in at least some hundred bytes, was written here."""
    return head.startswith(b"\xff\xff\xff\xff") and MARK in head


def read_schema(schema: pa.Schema, known: Mapping[str, SectionForm], where: str) -> tuple[About, Contents]:
    """What the schema of a file says.

    Args:
        schema: Of the file.
        known: Sections that are declared, by name.
        where: The file, for messages.

    Raises:
        RunError: it is no event file, or one of a newer format.
        KeyError, TypeError, ValueError: it is not as written here.
    """
    metadata = schema.metadata or {}
    if MARK not in metadata:
        raise RunError(f"{where} is no event file: tracer did not write it", hint="name an event file")
    version = _number(metadata[MARK].decode(errors="replace"))
    if version > FORMAT:
        what = f"{where} has version {version} of the format, and this tracer reads up to {FORMAT}"
        raise RunError(what, hint="read it with a newer one")
    said: dict[str, Any] = json.loads(metadata[META])
    forms = [_form(schema, name, section, known) for name, section in said["sections"].items()]
    said["sections"] = {form.name: form.version for form in forms}
    said["probes"] = tuple(ProbeInfo(**probe) for probe in said["probes"])
    said["split"] = Split(**said["split"]) if said.get("split") else None
    about = About(**{field.name: said[field.name] for field in dataclasses.fields(About)})
    _check_columns(schema)
    names = set(schema.names)
    return about, Contents(tuple(forms), USERSPACE in names, UNDECLARED in names, SERIES in names)


def _number(value: Any) -> int:  # noqa: ANN401 - anything that JSON can hold
    try:
        return int(value)
    except (ValueError, TypeError) as error:
        raise ValueError(f"version {str(value)[:40]!r} is no number") from error


def _check_columns(schema: pa.Schema) -> None:
    """Look whether our own columns are as they are written."""
    for name, kind in _COLUMNS.items():
        if name in schema.names and schema.field(name).type != kind:
            raise ValueError(f"column {name} is not as it should be")
    if missing := {COMMON, KERNEL} - set(schema.names):
        raise ValueError(f"there is no column {missing.pop()}")


def _form(schema: pa.Schema, name: str, section: Mapping[str, Any], known: Mapping[str, SectionForm]) -> SectionForm:
    """The form of a section of a file: as declared if it is that."""
    version, fields = _number(section["version"]), dict(section["fields"])
    found = form_from_json(name, version, fields)
    declared = known.get(name)
    if declared is not None and (declared.version, fields_to_json(declared)) == (version, fields):
        found = declared
    if schema.field(name).type != struct_of(found):
        raise ValueError(f"section {name} is not as told")
    return found
