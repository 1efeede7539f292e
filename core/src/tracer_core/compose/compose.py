"""Plan to C: the core's own text with the collectors' fragments in place of its stubs.

The text is specialised for one kernel and one command line: argument positions, options and network namespaces are
constants, everything is inlined. ``#line`` marks make compile errors name the file that is to blame.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tracer_core.compose.architecture import ARCHITECTURES
from tracer_core.compose.composition import (
    KERNEL_FUNCTION,
    MESSAGE_NOWHERE,
    MESSAGE_SHIFT,
    MESSAGE_VALUES,
    NETNS,
    Composition,
)
from tracer_core.compose.kernel_types import kernel_types
from tracer_core.compose.messages import Messages
from tracer_core.compose.names import argument_name
from tracer_core.compose.programs import program_specs, program_texts
from tracer_core.compose.sources import GENERATED, core_source, line, marked
from tracer_core.compose.stacks import constants, place_constants
from tracer_core.errors import PluginError
from tracer_core.kernel.btf_types import Kind
from tracer_core.levels import LogLevel
from tracer_core.sections import Header
from tracer_core.wire import layout_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tracer_core.compose.composition import Machine
    from tracer_core.filters.metadata.condition import Condition
    from tracer_core.kernel.btf import Btf
    from tracer_core.kernel.view import TypedKernel
    from tracer_core.plan.plan import Plan
    from tracer_core.plugins.declaration import Owner
    from tracer_core.types import BpfSource
    from tracer_core.userspace.usdt_arguments import UsdtArgument

    Operands = tuple[UsdtArgument, ...]

OWNER = "core"
"""Who says what the core's own text says."""

_CORE = ("tracer.bpf.h", "runtime.bpf.h", "stack_key.bpf.h", "tracking.bpf.h", "stack.bpf.h")
_SLOTS = 4  # nested interrupts that can trace at once on one CPU
_PROBES = 16
_LICENCE = "/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */"
_SAVED = 6  # arguments that are kept from the entry of a function to its return: plan.places.MAX_ARGUMENTS
_SAY = "static __always_inline void tracer_say(struct tracer_ctx *ctx, u64 number, u64 a, u64 b, u64 c, u64 d);\n"
_CALLS = 8192  # of functions probed at their return, at a time


def compose(plan: Plan, kernel: TypedKernel, machine: Machine) -> Composition:
    """Write the program for a plan.

    Args:
        plan: What runs where.
        kernel: What it runs on.
        machine: What of the machine goes into the text.

    Raises:
        PluginError: two collectors give one define different values, or a type cannot be an argument.
    """
    operands, conditions = _operands(plan), _conditions(plan)
    api, runtime, stack_key, tracking, stack = map(core_source, _CORE)
    messages = Messages(plan.log_level)
    runtime, tracking, stack = (_expanded(source, OWNER, messages) for source in (runtime, tracking, stack))
    sources = "".join(_collector_sources(plan, messages))
    # what is recorded beside events names its probe
    keeps_probe = plan.tracked_data is not None or plan.log_level is LogLevel.TRACE or bool(messages.found)
    shapes = "".join(
        messages.expand(text, OWNER, GENERATED, named=False)
        for text in program_texts(plan, operands, conditions, keeps_probe=keeps_probe)
    )
    task = _has_task(kernel.btf)
    core = (
        runtime.text if plan.netns or task else "",
        stack_key.text if plan.stack_place else "",
        tracking.text if plan.tracking else "",
        stack.text if plan.stacks else "",
    )
    filters = "".join((*_packet_filter(plan), *_metadata_filter(conditions)))
    context = _context(plan, keeps_probe=keeps_probe)
    used = "\n".join((context, api.text, *core, filters, sources, shapes))
    types = kernel_types(kernel, used)
    text = "".join(
        (
            f"{_LICENCE}\n/* Composed by tracer for kernel {plan.release}. */\n",
            "".join(_constants(plan, machine)),
            "".join(_cast(kernel.btf)) if plan.casts else "",
            "#define TRACER_TASK\n" if task else "",
            types.declarations,
            "".join(_section_text(plan)),
            context,
            _usdt(operands),
            marked(api),
            line(GENERATED),
            types.bit_fields,
            _SAY if messages.found else "",
            marked(runtime),
            _messages(messages),
            marked(stack_key) if plan.stack_place else "",
            marked(tracking) if plan.tracking else "#define tracer_follow(ctx, skb) false\n",
            marked(stack) if plan.stacks else "",
            filters,
            line(GENERATED),
            sources,
            shapes,
        )
    )
    return Composition(text, program_specs(plan), machine.cpus, plan.multi, tuple(messages.found))


def _expanded(source: BpfSource, owner: str, messages: Messages) -> BpfSource:
    return replace(source, text=messages.expand(source.text, owner, source.origin))


def _messages(messages: Messages) -> str:
    """What programs say something with, if they do."""
    if not messages.found:
        return ""
    constants = {"VALUES": MESSAGE_VALUES, "SHIFT": MESSAGE_SHIFT, "NOWHERE": f"{MESSAGE_NOWHERE:#x}U"}
    defines = "".join(f"#define TRACER_MESSAGE_{name} {value}\n" for name, value in constants.items())
    return defines + marked(core_source("messages.bpf.h"))


def _has_task(btf: Btf) -> bool:
    """Whether programs can look at the current task as at any other structure (5.11)."""
    helpers, task = btf.find("bpf_func_id", Kind.ENUM, Kind.ENUM64), btf.find("task_struct", Kind.STRUCT)
    if helpers is None or task is None or not any(member.name == "comm" for member in btf.members(task)):
        return False
    return any(name == "BPF_FUNC_get_current_task_btf" for name, _ in helpers.enumerators)


def _cast(btf: Btf) -> Iterator[str]:
    """What takes a verifier's trust from a pointer to an skb."""
    function, skb = btf.find("bpf_rdonly_cast", Kind.FUNC), btf.find("sk_buff", Kind.STRUCT)
    if function is not None and skb is not None:
        yield f"#define TRACER_CAST {KERNEL_FUNCTION + function.id:#x}\n"
        yield f"#define TRACER_SK_BUFF {skb.id}\n"


def _constants(plan: Plan, machine: Machine) -> Iterator[str]:
    sizes = (layout_of(Header).size, *(section.layout.max_size for section in plan.sections))
    mask = _mask(sum(sizes))
    yield f"#define TRACER_DATA_MAX {sum(sizes)}\n"
    yield f"#define TRACER_DATA_MASK {mask}\n"
    yield f"#define TRACER_DATA_ROOM {mask + 1 + 2 * max(sizes)}\n"  # a masked length is at most doubled
    yield f"#define TRACER_CPUS {machine.cpus}\n"
    yield f"#define TRACER_PROBES {_rounded(len(plan.probes))}\n"
    yield f"#define TRACER_RING_PAGES {machine.ring_pages}\n"
    yield f"#define TRACER_SLOTS {_SLOTS}\n"
    yield from _registers(machine)
    # a helper at a trampoline has its arguments at the return, too
    if any(shape.result is not None and not (shape.is_helper and shape.typed) for shape in plan.shapes):
        yield f"#define TRACER_CALLS {_CALLS}\n"
    if addresses := sum(probe.address != 0 for probe in plan.probes):
        yield f"#define TRACER_ADDRESSES {_rounded(addresses)}\n"
    if plan.tracked_data is not None:
        yield "#define TRACER_TRACKED_DATA\n"
    if plan.stack_place:
        yield from place_constants(plan.stack_place)
    if plan.stacks:
        yield from constants(plan.stacks)
    if plan.netns:
        condition = " || ".join(f"(inum) == tracer_constant({NETNS + n:#x})" for n in range(len(plan.netns)))
        yield f"#define TRACER_NETNS(inum) ({condition})\n"


def _registers(machine: Machine) -> Iterator[str]:
    architecture = ARCHITECTURES[machine.architecture]
    places = " : ".join(f"(n) == {n} ? {place}" for n, place in enumerate(architecture.arguments))
    yield f"#define TRACER_REGISTER(n) ({places} : 0)\n"
    saves = " ".join(f"(call)->args[{n}] = (from)[{place}];" for n, place in enumerate(architecture.arguments[:_SAVED]))
    yield f"#define TRACER_SAVE(call, from) {saves}\n"
    yield f"#define TRACER_RESULT {architecture.result}\n"
    yield f"#define TRACER_STACK_POINTER {architecture.stack_pointer}\n"
    yield f"#define TRACER_INSTRUCTION_POINTER {architecture.instruction_pointer}\n"
    yield f"#define TRACER_BREAKPOINT_SIZE {architecture.breakpoint_size}\n"
    yield f"#define TRACER_POPPED {architecture.popped}\n"


def _rounded(probes: int) -> int:
    """Room for that many probes, in few steps, so that much the same command lines make the same text."""
    return max(_PROBES, 1 << (probes - 1).bit_length())


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


def _context(plan: Plan, *, keeps_probe: bool) -> str:
    members = "".join(
        f"\t{c_type}{'' if c_type.endswith('*') else ' '}{argument_name(c_type)};\n" for c_type in plan.arg_types
    )
    fixed = "\tu64 *args;\n\tu64 timestamp;\n\tbool typed;\n\tbool registers;\n\tu32 usdt;\n"
    fixed += "\tu64 entered;\n\ts64 result;\n"
    probe = "\tu32 probe;\n" if keeps_probe else ""
    position = "\tu64 position;\n" if plan.stack_place else ""
    return f"struct tracer_ctx {{\n{fixed}{probe}{position}{members}}};\n"


def _operands(plan: Plan) -> dict[Operands, int]:
    """Where arguments of USDT probes are: every way once, numbered from 1."""
    distinct = dict.fromkeys(shape.operands for shape in plan.shapes if shape.operands is not None)
    return {operands: number for number, operands in enumerate(distinct, 1)}


def _usdt(operands: Iterable[Operands]) -> str:
    specifications = list(operands)
    if not specifications:
        return "#define tracer_usdt(args, which, n) 0\n"
    from tracer_core.userspace.usdt_c import argument_functions  # noqa: PLC0415 - only some runs need it

    return argument_functions("tracer_usdt", specifications)


def _conditions(plan: Plan) -> dict[Condition, int]:
    """What is asked of metadata: each condition once, numbered."""
    distinct = dict.fromkeys(shape.condition for shape in plan.shapes if shape.condition is not None)
    return {condition: number for number, condition in enumerate(distinct)}


def _packet_filter(plan: Plan) -> Iterator[str]:
    """What asks the packet filter."""
    if plan.filter is None or not any(shape.filtered for shape in plan.shapes):
        return
    from tracer_core.filters.packet import header  # noqa: PLC0415 - only some runs need it

    yield marked(header())
    yield f"{line(f'{GENERATED}/filter')}{plan.filter.text().rstrip()}\n"
    yield line(GENERATED)
    yield f"#define TRACER_FILTER_TAGS {int(plan.filter.tagged)}\n"
    yield from (f"#define {name} {value}\n" for name, value in plan.features)
    yield marked(core_source("filter.bpf.h"))


def _metadata_filter(conditions: Iterable[Condition]) -> Iterator[str]:
    """What asks the metadata filter."""
    distinct = tuple(conditions)
    if not distinct:
        return
    from tracer_core.filters.metadata.translate import Translator, header  # noqa: PLC0415 - as above

    yield marked(header())
    yield f"{line(f'{GENERATED}/metadata')}{Translator(distinct, argument_name).text().rstrip()}\n"


def _collector_sources(plan: Plan, messages: Messages) -> Iterator[str]:
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
        yield marked(_expanded(source, owner.name, messages))
        yield line(GENERATED)
        yield from (f"#undef {name}\n" for name, _ in source.defines)


def _sources(plan: Plan) -> Iterator[tuple[Owner, BpfSource]]:
    for shape in plan.shapes:
        yield from ((g.owner, source) for g in shape.getters for source in g.getter.source.all)
    for index in sorted({index for shape in plan.shapes for index in shape.fragments}):
        planned = plan.fragments[index]
        yield from ((planned.owner, source) for source in planned.fragment.source.all)
