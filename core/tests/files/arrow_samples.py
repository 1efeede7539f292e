"""Plans, records of them, and Arrow files with those."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from hypothesis import HealthCheck, settings

from tracer_core.backend.base import Batch
from tracer_core.decode.columns import ColumnDecoder, probe_info
from tracer_core.events.about import About, about_run
from tracer_core.events.form import form_of
from tracer_core.events.objects import events_of
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.files.arrow.schema import is_arrow_events
from tracer_core.files.arrow.writer import ArrowEvents
from tracer_core.files.contents import Contents
from tracer_core.files.target_files import TargetFiles
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe, PlannedSection
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.sections import Event
from tracer_core.types import CollectorSpec, Decoder, Probe
from tracer_core.userspace.live import UserPlace
from tracer_core.wire import BLOB_STEP, S32, S64, U8, U16, U32, U64, Blob, Chars, layout_of, section


@section("every-kind", version=2)
class EveryKind(NamedTuple):
    """All fixed fields that there are."""

    a: U8
    b: U16
    c: S32
    d: U64
    e: S64
    name: Annotated[bytes, Chars(5)]


@section("large")
class Large(NamedTuple):
    """A variable part."""

    size: U32
    data: Annotated[bytes, Blob(200, "size")]


@section("small")
class Small(NamedTuple):
    """One number."""

    value: U16


NOTHING = Prototype((), "void", "", 0)
KERNEL_PROBES = tuple(PlannedProbe(Probe.tracepoint(name), NOTHING, 0) for name in ("net:one", "net:two"))
USER_PROBE = PlannedProbe(Probe.usdt("daemon", "main::run"), NOTHING, 0, user=UserPlace(7, "/proc/7/exe", "/bin/d", 1))
PROBES = (*KERNEL_PROBES, USER_PROBE)


def plan_of(classes: Sequence[type[Any]], probes: Sequence[PlannedProbe] = PROBES) -> Plan:
    """A plan of these sections."""
    planned, shift = [], 0
    for layout in map(layout_of, classes):
        planned.append(PlannedSection(layout, shift))
        shift += layout.bits
    return Plan("test", (), (), (), tuple(planned), (), tuple(probes), ())


class Sent(NamedTuple):
    """A record as the kernel's side would write it.

    Attributes:
        fixed: For each section of the plan the bytes of its fixed fields, or nothing.
        blob: The variable part of those that have one.
    """

    timestamp: int
    probe: int
    comm: bytes
    fixed: tuple[bytes | None, ...]
    blob: bytes = b""

    def record(self, plan: Plan) -> bytes:
        """Its bytes, those of the ring before it included."""
        mask, body = 0, b""
        for planned, fixed in zip(plan.sections, self.fixed, strict=True):
            if fixed is None:
                continue
            bits = 1
            if planned.layout.blob:
                steps = -(-len(self.blob) // BLOB_STEP)
                bits |= steps << 1
                fixed = len(self.blob).to_bytes(4, "little")  # noqa: PLW2901 - the length is not by chance
            mask |= bits << planned.shift
            body += fixed.ljust(planned.layout.size, b"!")
            if planned.layout.blob:
                body += self.blob.ljust(steps * BLOB_STEP, b"?")
        header = struct.pack("<QQQIIII16s", self.timestamp, mask, 3, 10, 11, 1, self.probe, self.comm)
        return struct.pack("<II", len(header + body), 0) + header + body


CLASSES = (EveryKind, Large, Small)
PLAN = plan_of(CLASSES)
ONE = Sent(17, 0, b"ping", (bytes(range(28)), b"", b"\1\2"), b"packet")
TWO = Sent(18, 1, b"", (None, None, b"\3\4"))
USER = Sent(19, 2, b"daemon", (None, b"", None), b"")

any_file = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
"""For tests whose examples may all be written to one path."""


def batch_of(plan: Plan, sent: Sequence[Sent]) -> Batch:
    """A batch of these records."""
    data, offsets = b"", []
    for one in sent:
        offsets.append(len(data) + 8)
        data += one.record(plan)
    return Batch(data, tuple(offsets))


def about(plan: Plan) -> About:
    """A run of a plan."""
    probes = [probe_info(probe) for probe in plan.probes]
    return about_run(["tracer", "collect"], probes, {"demo": "tracer-demo 1"}, {})


def declaration(*decoders: Decoder) -> Declaration:
    """Of a collector that decodes."""
    return Declaration(Owner("demo"), CollectorSpec("demo", "A test."), None, decoders=decoders)


def write(path: Path, plan: Plan, *batches: Batch, readers: Sequence[Declaration] = ()) -> Path:
    """A file of these batches, as many in the file."""
    with TargetFiles(path, is_arrow_events) as files:
        begin(files, plan, *batches, readers=readers).end({"lost": {"net:one": 2}})
    return path


def begin(files: TargetFiles, plan: Plan, *batches: Batch, readers: Sequence[Declaration] = ()) -> ArrowEvents:
    """Write a file of these batches that has no end yet."""
    file = ArrowEvents(files, about(plan), contents(plan))
    decoder = ColumnDecoder(plan, readers)
    for batch in batches:
        file.write(decoder.decode(batch))
    return file


def contents(plan: Plan) -> Contents:
    """What events of a plan may have."""
    return Contents(tuple(form_of(layout.cls) for layout in plan.layouts), in_process=USER_PROBE in plan.probes)


def read(path: Path, *sections: type[Any]) -> list[Event]:
    """The events of a file."""
    with ArrowEventsReader(path, sections) as reader:
        return list(reader)


def decoded(plan: Plan, *batches: Batch, readers: Sequence[Declaration] = ()) -> list[Event]:
    """The events that are shown."""
    decoder = ColumnDecoder(plan, readers)
    return [event for batch in batches for event in events_of(decoder.decode(batch))]
