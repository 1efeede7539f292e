"""A plan in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.filters.metadata.condition import NEVER
from tracer_core.plugins.declaration import shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tracer_core.plan.plan import Plan, PlannedProbe, Shape


def describe(plan: Plan) -> Iterator[str]:
    """Lines for ``--dry-run``."""
    yield f"kernel {plan.release}"
    for owner in plan.owners:
        yield str(owner)
    yield f"network namespaces {', '.join(map(str, plan.netns)) or 'all'}"
    if plan.filter is not None:
        yield f"packet filter {' and '.join(f'({each.text})' for each in plan.filter.expressions)}"
    if plan.metadata is not None:
        yield f"metadata filter {' and '.join(f'({each.text})' for each in plan.metadata.filters)}"
    for section in plan.sections:
        layout = section.layout
        yield f"section {layout.name}: bit {section.shift}, {layout.size} to {layout.max_size} bytes"
    for index, planned in enumerate(plan.probes):
        shape = plan.shapes[planned.shape]
        yield from _place(index, planned, shape)
        for at in shape.fragments:
            item = plan.fragments[at]
            yield f"  {item.fragment.function} ({shown(item.owner.name)}), when {item.fragment.gate.value}"
        yield from _beside_fragments(shape)
    yield from (f"skipped {probe}: no collector can learn anything there" for probe in plan.skipped)


def _place(index: int, planned: PlannedProbe, shape: Shape) -> Iterator[str]:
    how = f"{'typed, ' if shape.typed else ''}{'plain loads' if shape.plain else 'probe reads'}"
    yield f"probe {index} {planned.probe}: program {planned.shape} ({how}, index by {shape.identity.value})"
    if planned.spare:
        yield "  attached to when a stack shows it"
    if planned.user is not None:
        yield f"  process {planned.user.pid}: {planned.user.shown} at {planned.user.offset:#x}"
    yield from (f"  argument {position}: {c_type}" for c_type, position in planned.arguments(shape))
    yield from (f"  getter {g.getter.function} ({shown(g.owner.name)}): {g.getter.gives}" for g in shape.getters)


def _beside_fragments(shape: Shape) -> Iterator[str]:
    if shape.filtered:
        yield "  packet filter"
    if shape.condition is not None:
        yield f"  metadata filter{': never' if shape.condition == NEVER else ''}"
    if shape.sight is not None:
        yield f"  tracking: {shape.sight.value}"
    if shape.on_stack is not None:
        yield from (f"  stack: {line}" for line in shape.on_stack.describe())
    if shape.role is not None:
        yield f"  tracking: {shape.role.value}"
