"""Records made by hand: what programs in the kernel would write, from the sections that they fill."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tracer_core.backend.base import Batch
from tracer_core.decode.records import HEADER, dtype_of
from tracer_core.sections import Header
from tracer_core.wire import BLOB_STEP

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tracer_core.plan.plan import Plan, PlannedSection
    from tracer_core.wire import Layout

_IN_RING = struct.Struct("<II")  # what stands before a record in the ring: its length, and where its pages begin


@dataclass(frozen=True, slots=True)
class Record:
    """What a program writes for one hit.

    Attributes:
        sections: What C fills, by the public name of the section: an instance of the section class, or of the class of
            its record if that is another one. Values are those of C: a number where a decoder makes a name of it, None
            for a group that is missing.
        probe: Index of the probe in the plan.
        timestamp: ns of ``CLOCK_MONOTONIC``.
        lost: Events that this CPU could not write, so far.
        cpu: CPU that ran the probe.
        pid: Of the task that was current.
        tgid: Ditto.
        comm: Name of that task.
    """

    sections: Mapping[str, Any]
    probe: int = 0
    timestamp: int = 1_000_000_000
    lost: int = 0
    cpu: int = 0
    pid: int = 1
    tgid: int = 1
    comm: bytes = b"test"

    def packed(self, plan: Plan) -> bytes:
        """Its bytes, as programs of this plan would write them.

        Raises:
            ValueError: the plan has no such section or probe, or a value does not fit its field.
        """
        known = {(planned.group_of or planned.layout).name for planned in plan.sections}
        if unknown := self.sections.keys() - known:
            raise ValueError(
                f"no section {', '.join(sorted(unknown))} in this plan, which has {', '.join(sorted(known))}"
            )
        if not 0 <= self.probe < len(plan.probes):
            raise ValueError(f"no probe {self.probe} in this plan, which has {len(plan.probes)}")
        present, body = 0, b""
        for planned in plan.sections:
            value = self._value(planned)
            if value is not None:
                bits, data = _packed(planned.layout, value)
                present |= bits << planned.shift
                body += data
        header = Header(self.timestamp, present, self.lost, self.pid, self.tgid, self.cpu, self.probe, self.comm)
        return _fixed(HEADER, header) + body

    def _value(self, planned: PlannedSection) -> Any:  # noqa: ANN401 - a named tuple of any class
        name, *path = planned.layout.name.split(".")
        value = self.sections.get(name)
        for field in path:
            value = getattr(value, field, None)
        return value


def batch_of_records(plan: Plan, records: Iterable[Record]) -> Batch:
    """Records as they would stand in the ring. Errors are those of :meth:`Record.packed`."""
    data, offsets = bytearray(), []
    for record in records:
        packed = record.packed(plan)
        data += _IN_RING.pack(len(packed), 0)
        offsets.append(len(data))
        data += packed
    return Batch(bytes(data), offsets)


def _packed(layout: Layout, value: Any) -> tuple[int, bytes]:  # noqa: ANN401 - a named tuple of any class
    """The bits of the mask, and the bytes, of a section's own fields or of a group."""
    fixed = _fixed(layout, value)
    if layout.blob is None or layout.variable is None:
        return 1, fixed
    blob = getattr(value, layout.variable.name)
    if not isinstance(blob, bytes) or len(blob) > layout.blob.max:
        raise ValueError(f"{layout.name}.{layout.variable.name} takes up to {layout.blob.max} bytes, not {blob!r}")
    steps = -(-len(blob) // BLOB_STEP)
    return 1 | steps << 1, fixed + blob.ljust(steps * BLOB_STEP, b"\0")


def _fixed(layout: Layout, value: Any) -> bytes:  # noqa: ANN401 - ditto
    row = np.zeros(1, dtype_of(layout))
    for field in layout.fixed:
        found = getattr(value, field.name)
        try:
            row[field.name] = found
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"{layout.name}.{field.name} cannot be {found!r}: {error}") from error
    return row.tobytes()
