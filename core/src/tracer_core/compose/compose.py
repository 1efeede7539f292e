"""Plan to C: the core's own text with the collectors' fragments in place of its stubs.

The text is specialised for one kernel and one command line: argument positions, options and network namespaces are
constants, everything is inlined. ``#line`` marks make compile errors name the file that is to blame.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from tracer_core.compose.composition import Composition, ProgramSpec
from tracer_core.compose.kernel_types import kernel_types
from tracer_core.errors import PluginError
from tracer_core.sections import Header
from tracer_core.types import BpfSource, ProbeKind
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.compose.composition import Machine
    from tracer_core.kernel.btf import Btf
    from tracer_core.plan.plan import Plan, PlannedFragment, Shape
    from tracer_core.plugins.declaration import Owner

GENERATED = "tracer"
"""Origin of the text that belongs to nobody's file."""

_SLOTS = 4  # nested interrupts that can trace at once on one CPU
_LICENCE = "/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */"
_REGISTERS = {
    # where struct pt_regs has arguments, in words: arch/x86/include/asm/ptrace.h, arch/arm64/include/asm/ptrace.h
    "x86_64": (14, 13, 12, 11, 9, 8),
    "aarch64": (0, 1, 2, 3, 4, 5),
}
_TYPE = re.compile(r"(?:(?:struct|union|enum) )?(\w+)( \**)?")


def compose(plan: Plan, btf: Btf, machine: Machine) -> Composition:
    """Write the program for a plan.

    Args:
        plan: What runs where.
        btf: Of the kernel it runs on.
        machine: What of the machine goes into the text.

    Raises:
        PluginError: two collectors give one define different values, or a type cannot be an argument.
    """
    api, runtime, program = (_core_source(name) for name in ("tracer.bpf.h", "runtime.bpf.h", "program.bpf.c"))
    sources = "".join(_collector_sources(plan))
    shapes = "".join(_program(program, plan, index, shape) for index, shape in enumerate(plan.shapes))
    used = "\n".join((_context(plan), api.text, runtime.text if plan.netns else "", sources, shapes))
    types = kernel_types(btf, used)
    text = "".join(
        (
            f"{_LICENCE}\n/* Composed by tracer for kernel {plan.release}. */\n",
            "".join(_constants(plan, machine)),
            types.declarations,
            "".join(_section_text(plan)),
            _context(plan),
            _marked(api),
            _line(GENERATED),
            types.bit_fields,
            _marked(runtime),
            sources,
            shapes,
        )
    )
    programs = tuple(
        ProgramSpec(
            function=_function(index),
            typed=shape.typed,
            probes=tuple(i for i, probe in enumerate(plan.probes) if probe.shape == index),
        )
        for index, shape in enumerate(plan.shapes)
    )
    return Composition(text, programs, machine.cpus)


def argument_name(c_type: str) -> str:
    """Name of an argument's member in ``struct tracer_ctx``: the tag, with a ``p`` per pointer level after the first.

    Raises:
        PluginError: the type is not a tag, a typedef or a pointer to one.
    """
    match = _TYPE.fullmatch(c_type)
    if match is None:
        raise PluginError(f"{c_type!r} cannot be an argument type", hint="write it as in 'struct sk_buff *'")
    levels = (match[2] or "").count("*")
    return match[1] + ("_" + "p" * (levels - 1) if levels > 1 else "")


@cache
def _core_source(name: str) -> BpfSource:
    return BpfSource.resource("tracer_core", f"compose/bpf/{name}")


def _function(index: int) -> str:
    return f"tracer_program_{index}"


def _line(origin: str) -> str:
    return f'#line 1 "{origin}"\n'


def _marked(source: BpfSource) -> str:
    return f"{_line(source.origin)}{source.text.rstrip()}\n"


def _constants(plan: Plan, machine: Machine) -> Iterator[str]:
    sizes = (layout_of(Header).size, *(section.layout.max_size for section in plan.sections))
    mask = _mask(sum(sizes))
    yield f"#define TRACER_DATA_MAX {sum(sizes)}\n"
    yield f"#define TRACER_DATA_MASK {mask}\n"
    yield f"#define TRACER_DATA_ROOM {mask + 1 + 2 * max(sizes)}\n"  # a masked length is at most doubled
    yield f"#define TRACER_CPUS {machine.cpus}\n"
    yield f"#define TRACER_PROBES {len(plan.probes)}\n"
    yield f"#define TRACER_RING_PAGES {machine.ring_pages}\n"
    yield f"#define TRACER_SLOTS {_SLOTS}\n"
    places = " : ".join(f"(n) == {n} ? {place}" for n, place in enumerate(_REGISTERS[machine.architecture]))
    yield f"#define TRACER_REGISTER(n) ({places} : 0)\n"
    if plan.netns:
        condition = " || ".join(f"(inum) == {number}U" for number in plan.netns)
        yield f"#define TRACER_NETNS(inum) ({condition})\n"


def _mask(number: int) -> int:
    """The smallest number of only ones that is not below."""
    return (1 << number.bit_length()) - 1


def _section_text(plan: Plan) -> Iterator[str]:
    header = layout_of(Header)
    yield header.c_struct()
    yield f"#define TRACER_SIZE_header {header.size}\n"
    for section in plan.sections:
        layout = section.layout
        yield layout.c_struct()
        yield f"#define TRACER_SHIFT_{layout.c_name} {section.shift}\n"
        yield f"#define TRACER_SIZE_{layout.c_name} {layout.size}\n"
        if layout.blob:
            yield f"#define TRACER_BLOB_MAX_{layout.c_name} {layout.blob.max}\n"
            yield f"#define TRACER_BLOB_MASK_{layout.c_name} {_mask(layout.blob.max)}\n"


def _context(plan: Plan) -> str:
    members = "".join(
        f"\t{c_type}{'' if c_type.endswith('*') else ' '}{argument_name(c_type)};\n" for c_type in plan.arg_types
    )
    return f"struct tracer_ctx {{\n\tu64 *args;\n\tu64 timestamp;\n\tbool typed;\n\tbool registers;\n{members}}};\n"


def _collector_sources(plan: Plan) -> Iterator[str]:
    """Every source that some program needs, once, its defines around it."""
    seen: dict[str, BpfSource] = {}
    for owner, source in _sources(plan):
        known = seen.get(source.origin)
        if known is not None:
            if known != source:
                raise PluginError(f"{owner}: {source.origin} is used with different text or defines")
            continue
        seen[source.origin] = source
        yield from (f"#define {name} {value}\n" for name, value in source.defines)
        yield _marked(source)
        yield _line(GENERATED)
        yield from (f"#undef {name}\n" for name, _ in source.defines)


def _sources(plan: Plan) -> Iterator[tuple[Owner, BpfSource]]:
    for shape in plan.shapes:
        yield from ((g.owner, g.getter.source) for g in shape.getters)
    for index in sorted({index for shape in plan.shapes for index in shape.fragments}):
        planned = plan.fragments[index]
        yield planned.owner, planned.fragment.source


def _program(template: BpfSource, plan: Plan, index: int, shape: Shape) -> str:
    stubs = {
        "TRACER_STUB_FUNCTION": _function(index),
        "TRACER_STUB_TYPED": str(int(shape.typed)),
        "TRACER_STUB_REGISTERS": str(int(shape.kind is ProbeKind.KPROBE)),
        "TRACER_STUB_ARGUMENTS": "\n".join(_arguments(shape)),
        "TRACER_STUB_GETTERS": "\n".join(
            f"\tif (!ctx->{argument_name(g.getter.gives)})\n"
            f"\t\tctx->{argument_name(g.getter.gives)} = {g.getter.function}(ctx);"
            for g in shape.getters
        ),
        "TRACER_STUB_FRAGMENTS": "\n".join(_calls(plan.fragments[i] for i in shape.fragments)),
    }
    text = re.sub(r"\bTRACER_STUB_\w+", lambda match: stubs[match[0]], template.text)
    return f"{_line(f'{GENERATED}/{_function(index)}')}{text}"


def _arguments(shape: Shape) -> Iterator[str]:
    for c_type, position in shape.args:
        yield f"\tctx->{argument_name(c_type)} = ({c_type})TRACER_ARG(ctx, {position});"


def _calls(fragments: Iterable[PlannedFragment]) -> Iterator[str]:
    for planned in fragments:
        fragment = planned.fragment
        call = f"tracer_judge({fragment.function}(ctx, event));"
        # one need: never NULL inside. Several: which one is there is the fragment's to ask
        pointer = fragment.needs[0] if len(fragment.needs) == 1 and fragment.needs[0].endswith("*") else ""
        yield f"\tif (ctx->{argument_name(pointer)})\n\t\t{call}" if pointer else f"\t{call}"
