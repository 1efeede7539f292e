"""Stacks that are recorded to find functions in are shown only where somebody asked to see them."""

from __future__ import annotations

import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracer_core.backend.base import Batch
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe, PlannedSection
from tracer_core.sections import Header, Stack
from tracer_core.types import Probe
from tracer_core.wire import BLOB_STEP, layout_of

NOTHING = Prototype((), "void", "", 0)
SHOWN, HIDDEN = 0, 1
PLAN = Plan(
    release="test",
    owners=(),
    arg_types=(),
    fragments=(),
    sections=(PlannedSection(layout_of(Stack), 0),),
    shapes=(),
    probes=(
        PlannedProbe(replace(Probe.tracepoint("net:one"), stack=True), NOTHING, 0),
        PlannedProbe(Probe.tracepoint("net:two"), NOTHING, 0),
    ),
    netns=(),
    probe_stack=True,
)


def record(probe: int, frames: int) -> bytes:
    body = struct.pack(f"<{frames}Q", *range(1, frames + 1))
    steps = -(-len(body) // BLOB_STEP)
    stack = struct.pack("<I4x", len(body)) + body.ljust(steps * BLOB_STEP, b"\0") if frames else b""
    mask = (1 | steps << 1) if frames else 0
    header = struct.pack("<QQQIIII16s", 7, mask, 0, 1, 1, 0, probe, b"ping")
    assert len(header) == layout_of(Header).size
    return header + stack


def batch_of(records: list[bytes]) -> Batch:
    data, offsets = b"", []
    for one in records:
        offsets.append(len(data) + 8)
        data += struct.pack("<II", len(one), 0) + one + bytes(-len(one) % 8)
    return Batch(data, offsets)


@given(st.lists(st.tuples(st.sampled_from([SHOWN, HIDDEN]), st.integers(0, 9)), min_size=1, max_size=20))
def test_only_probes_that_show_their_stack_have_one_in_events(sent: list[tuple[int, int]]) -> None:
    batch = ColumnDecoder(PLAN, ()).decode(batch_of([record(*one) for one in sent]))
    expected = [row for row, (probe, frames) in enumerate(sent) if probe == SHOWN and frames]
    sections = {section.form.name: section for section in batch.sections}
    assert batch.count == len(sent)
    if not expected:
        assert not sections
        return
    found = sections["stack"]
    assert list(found.rows_in(batch)) == expected
    assert [len(stack.frames) // 8 for stack in found.objects] == [sent[row][1] for row in expected]


def test_without_such_a_search_all_stacks_are_shown() -> None:
    made = replace(PLAN, probe_stack=False)
    (section,) = ColumnDecoder(made, ()).decode(batch_of([record(HIDDEN, 2), record(SHOWN, 1)])).sections
    assert section.rows is None
    assert np.array_equal(np.frombuffer(section.objects[0].frames, "<u8"), [1, 2])


@pytest.mark.parametrize("probe", [SHOWN, HIDDEN])
def test_sections_behind_a_hidden_stack_are_where_they_are(probe: int) -> None:
    batch = ColumnDecoder(PLAN, ()).decode(batch_of([record(probe, 3), record(SHOWN, 1)]))
    assert batch.header["probe"].tolist() == [probe, SHOWN]
