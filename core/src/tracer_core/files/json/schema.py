"""The JSON schema of events, as JSON lines have them, from the declarations of their sections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.events.docs import field_docs
from tracer_core.events.form import FieldForm, Form, SectionForm
from tracer_core.files.json.events import RESERVED
from tracer_core.files.json.startup import OWN

if TYPE_CHECKING:
    from collections.abc import Iterable

TITLE = "Retis Metadata"
"""What the schema of Retis has: programs that make classes of schemas name them by it."""

_STRING: dict[str, Any] = {"type": "string"}
_TYPES: dict[Form, dict[str, Any]] = {
    Form.BOOLEAN: {"type": "boolean"},
    Form.FLOAT: {"type": "number"},
    Form.CHARS: _STRING,
    Form.BYTES: {"type": "string", "contentEncoding": "base64"},
    Form.TEXT: _STRING,
}


def schema(sections: Iterable[SectionForm]) -> dict[str, Any]:
    """The schema of an event, in draft 2020-12.

    Args:
        sections: Those that events may have.
    """
    definitions = dict(_CORE)
    properties = {name: {"$ref": f"#/$defs/{name}"} for name in ("common", "kernel", "userspace")}
    for form in sections:
        if form.name in RESERVED:
            continue
        definitions[form.name] = _object(form)
        properties[form.name] = {"$ref": f"#/$defs/{form.name}"}
    properties["startup"], properties[OWN] = {"$ref": "#/$defs/startup"}, {"$ref": f"#/$defs/{OWN}"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": TITLE,
        "description": "A line of an event file; of a sorted file, an element of the array that a line is.",
        "type": "object",
        "properties": properties,
        "required": ["common"],
        "$defs": definitions,
    }


def _object(form: SectionForm) -> dict[str, Any]:
    docs = field_docs(form.cls)
    described = {field.name: _type(field) | _described(docs.get(field.name, "")) for field in form.fields}
    required = [field.name for field in form.fields if not field.optional]
    found = _described(" ".join((form.cls.__doc__ or "").split())) | {"type": "object", "properties": described}
    return found | ({"required": required} if required else {})


def _type(field: FieldForm) -> dict[str, Any]:
    if field.part is not None:
        return _object(field.part)
    if field.item is not None:
        return {"type": "array", "items": _type(field.item)}
    return _integer(field.dtype) if field.form is Form.INTEGER else dict(_TYPES[field.form])


def _integer(dtype: str) -> dict[str, Any]:
    limits = np.iinfo(dtype)
    return {"type": "integer", "minimum": int(limits.min), "maximum": int(limits.max)}


def _described(text: str) -> dict[str, Any]:
    return {"description": text.replace("``", "`")} if text else {}


def _struct(description: str, required: dict[str, Any], **optional: dict[str, Any]) -> dict[str, Any]:
    found = {"description": description, "type": "object", "properties": {**required, **optional}}
    return found | ({"required": list(required)} if required else {})


_U32, _U64, _S64 = _integer("uint32"), _integer("uint64"), _integer("int64")
_CORE = {
    "common": _struct(
        "When, where and in which task.",
        {"timestamp": _U64 | _described("ns of `CLOCK_MONOTONIC`.")},
        smp_id=_U32 | _described("CPU."),
        task=_struct(
            "The task that was current, which in interrupts is not the packet's.",
            {
                "pid": _U32 | _described("Process."),
                "tgid": _U32 | _described("Thread."),
                "comm": _STRING | _described("Name of the thread."),
            },
        ),
    ),
    "kernel": _struct(
        "The place in the kernel.",
        {
            "symbol": _STRING | _described("`group:name` of a tracepoint, or a function."),
            "probe_type": _STRING | _described("`raw_tracepoint`, `kprobe` or `kretprobe`."),
        },
        stack_trace={"type": "array", "items": _STRING} | _described("Calls that led there, the innermost first."),
    ),
    "userspace": _struct(
        "The place in a process.",
        {
            "symbol": _STRING | _described("`provider:name` of a USDT probe, or a function."),
            "probe_type": _STRING | _described("`usdt` or `uprobe`."),
            "ip": _U64 | _described("Address, 0 if it is not known."),
            "path": _STRING | _described("File, by the name that it has for the process."),
            "pid": _U32 | _described("Process."),
            "tid": _U32 | _described("Thread."),
        },
    ),
    "startup": _struct(
        "What the run was: in the first event of a file.",
        {
            "retis_version": _STRING | _described("Version of the format, and who wrote it."),
            "clock_monotonic_offset": _struct(
                "What to add to a timestamp for the time of day.", {"sec": _S64, "nsec": _S64}
            ),
        },
        cmdline=_STRING | _described("Command line."),
        machine=_struct(
            "`uname -r`, `-v` and `-m`.",
            {"kernel_release": _STRING, "kernel_version": _STRING, "hardware_name": _STRING},
        ),
        split_file=_struct(
            "Which file of a rotated set it is.",
            {"id": _U32, "policy": _struct("When a new one begins.", {"kind": _STRING, "limit": _U64})},
        ),
    ),
    OWN: _struct(
        "What the format has no other place for.",
        {},
        probe_type=_STRING | _described("The true kind of the probe."),
        lost=_U64 | _described("Events that this CPU could not write, so far."),
        probes={"type": "array"} | _described("In the first event: the probes of the run."),
        collectors={"type": "object"} | _described("In the first event: collectors and their versions."),
        sections={"type": "object"} | _described("In the first event: versions of sections."),
        end={"type": "object"} | _described("In the last event: what was only known then, losses for example."),
    ),
}
