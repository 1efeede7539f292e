"""The schema of an Arrow event file: a nullable struct per section, and what the file says of its run.

The format is documented in ``docs/reference/files.md``.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tracer_core.errors import PluginError
from tracer_core.files.about import About
from tracer_core.files.arrow_form import NAME, forms
from tracer_core.sections import ProbeInfo
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tracer_core.plan.plan import Plan

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
USER_PLACE = pa.struct([*PLACE, ("path", NAME)])

COMMON, KERNEL, USERSPACE = "common", "kernel", "userspace"
RESERVED = frozenset({COMMON, KERNEL, USERSPACE})
"""Columns that no section of a collector can have the name of."""

_IN_PROCESS = frozenset(kind.value for kind in ProbeKind if kind.in_process)


@dataclass(frozen=True, slots=True)
class SectionForm:
    """A section in a file.

    Attributes:
        version: Of the section.
        fields: Their forms, by name, in order.
    """

    version: int
    fields: dict[str, str]


def in_process(probe: ProbeInfo) -> bool:
    """Whether its events are in ``userspace``; all others are in ``kernel``."""
    return probe.kind in _IN_PROCESS


def schema_of(plan: Plan, decoded: Collection[str], about: About) -> tuple[pa.Schema, dict[str, SectionForm]]:
    """The schema for the events of a plan, and the forms of its sections by name.

    Args:
        plan: That the events are of.
        decoded: Names of the sections that collectors decode.
        about: The run.

    Raises:
        PluginError: a section has the name of a column of ours, or fields that files do not know.
    """
    columns = [pa.field(COMMON, COMMON_TYPE, nullable=False), pa.field(KERNEL, PLACE)]
    if any(map(in_process, about.probes)):
        columns.append(pa.field(USERSPACE, USER_PLACE))
    sections = {}
    for layout in (planned.layout for planned in plan.sections):
        if layout.name in RESERVED:
            raise PluginError(f"section {layout.name} cannot be written: the name is taken", hint="rename it")
        fields = forms(layout, decoded=layout.name in decoded)
        columns.append(pa.field(layout.name, pa.struct([(name, kind) for name, (_, kind) in fields.items()])))
        sections[layout.name] = SectionForm(layout.version, {name: form for name, (form, _) in fields.items()})
    told = dataclasses.asdict(about)
    told["sections"] = {name: dataclasses.asdict(section) for name, section in sections.items()}
    # what stands last comes first in the file, where it is found even if the rest is long
    return pa.schema(columns, {META: json.dumps(told), MARK: str(FORMAT)}), sections


def is_arrow_events(head: bytes) -> bool:
    """Whether a file that begins like this, in at least some hundred bytes, was written here."""
    return head.startswith(b"\xff\xff\xff\xff") and MARK in head


def told_by(metadata: Mapping[bytes, bytes]) -> tuple[About, dict[str, SectionForm]]:
    """What the metadata of a file says.

    Raises:
        KeyError, TypeError, ValueError: it is not as written here.
    """
    told: dict[str, Any] = json.loads(metadata[META])
    sections = {
        name: SectionForm(int(section["version"]), dict(section["fields"]))
        for name, section in told["sections"].items()
    }
    told["sections"] = {name: section.version for name, section in sections.items()}
    told["probes"] = tuple(ProbeInfo(**probe) for probe in told["probes"])
    return About(**{field.name: told[field.name] for field in dataclasses.fields(About)}), sections
