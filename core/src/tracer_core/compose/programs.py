"""The programs of a plan: one for each shape of code, but for kprobes where many functions are probed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.compose.composition import ProgramSpec
from tracer_core.compose.program import choice_text, entry_text, helper_entry_text, helper_text, program_text
from tracer_core.compose.sources import GENERATED, core_source, line
from tracer_core.levels import LogLevel
from tracer_core.plan.plan import Identity
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tracer_core.filters.metadata.condition import Condition
    from tracer_core.plan.plan import Plan
    from tracer_core.userspace.usdt_arguments import UsdtArgument

    Operands = tuple[UsdtArgument, ...]

_KPROBES = "tracer_kprobes"
_MANY = 16  # kprobes


def program_specs(plan: Plan) -> tuple[ProgramSpec, ...]:
    """What is to be loaded."""
    chosen = _chosen(plan)
    specs = [_spec(plan, index) for index in range(len(plan.shapes)) if index not in chosen]
    if chosen:
        specs.append(replace(_spec(plan, chosen[0]), function=_KPROBES, probes=_probes(plan, chosen)))
    return tuple(specs)


def program_texts(
    plan: Plan, operands: Mapping[Operands, int], conditions: Mapping[Condition, int], *, keeps_probe: bool
) -> Iterator[str]:
    """The C of the programs, one text after the other.

    Args:
        plan: What runs where.
        operands: Numbers of the ways in which arguments of USDT probes are found.
        conditions: Numbers of what is asked of metadata.
        keeps_probe: They keep the index of their probe, for what they record beside events.
    """
    chosen = _chosen(plan)
    for index in range(len(plan.shapes)):
        for name, text in _texts(plan, index, operands, conditions, inner=index in chosen, keeps_probe=keeps_probe):
            yield f"{line(f'{GENERATED}/{name}')}{text}"
    if chosen:
        yield f"{line(f'{GENERATED}/{_KPROBES}')}{choice_text(_KPROBES, {n: _function(n) for n in chosen})}"


def _texts(
    plan: Plan,
    index: int,
    operands: Mapping[Operands, int],
    conditions: Mapping[Condition, int],
    *,
    inner: bool,
    keeps_probe: bool,
) -> Iterator[tuple[str, str]]:
    """The functions of a shape, by name."""
    shape, traces = plan.shapes[index], plan.log_level is LogLevel.TRACE
    asked = conditions[shape.condition] if shape.condition is not None else 0
    fragments = [plan.fragments[i] for i in shape.fragments]
    helper = core_source("helper.bpf.c").text
    if shape.result is not None:
        name = _entry(index)
        if shape.is_helper:
            yield name, helper_entry_text(helper, name, shape, keeps_probe=keeps_probe)
        else:
            template = core_source("entry.bpf.c").text
            text = entry_text(template, name, shape, fragments, asked=asked, keeps_probe=keeps_probe, traces=traces)
            yield name, text
    body = ""
    if not shape.is_helper:
        name = _body(index) if shape.role is not None else _function(index)
        usdt = operands[shape.operands] if shape.operands is not None else 0
        text = program_text(
            core_source("program.bpf.c").text,
            name,
            shape,
            fragments,
            usdt=usdt,
            asked=asked,
            inner=inner or shape.role is not None,
            keeps_probe=keeps_probe,
            traces=traces,
        )
        yield name, text
        body = name
    if shape.role is not None:
        name = _function(index)
        yield name, helper_text(helper, name, shape, shape.role, body, keeps_probe=keeps_probe, inner=inner)


def _chosen(plan: Plan) -> tuple[int, ...]:
    """Shapes that are one program, since a program that is attached takes the kernel a tenth of a second to detach.

    Of fewer functions it is worth more to know which of them missed hits, which the kernel counts by program.
    """
    found = tuple(
        index
        for index, shape in enumerate(plan.shapes)
        if shape.kind is ProbeKind.KPROBE and shape.identity is Identity.COOKIE
    )
    return found if plan.multi and len(found) > 1 and len(_probes(plan, found)) >= _MANY else ()


def _probes(plan: Plan, shapes: Collection[int]) -> tuple[int, ...]:
    return tuple(index for index, probe in enumerate(plan.probes) if probe.shape in shapes)


def _spec(plan: Plan, index: int) -> ProgramSpec:
    shape = plan.shapes[index]
    return ProgramSpec(
        function=_function(index),
        entry=_entry(index) if shape.result is not None else None,
        kind=shape.kind,
        typed=shape.typed,
        identity=shape.identity,
        probes=_probes(plan, (index,)),
    )


def _function(index: int) -> str:
    return f"tracer_program_{index}"


def _entry(index: int) -> str:
    return f"tracer_entry_{index}"


def _body(index: int) -> str:
    return f"tracer_body_{index}"
