"""The text of a program: a template of the core, its stubs replaced by what the plan says of a shape."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tracer_core.compose import stacks
from tracer_core.compose.names import argument_name
from tracer_core.compose.sight import Judge
from tracer_core.compose.tracking import action, note
from tracer_core.kernel.view import ResultForm
from tracer_core.plan.plan import Identity
from tracer_core.plan.stacks import asks_for_key
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tracer_core.kernel.view import Result
    from tracer_core.plan.following import Role
    from tracer_core.plan.plan import PlannedFragment, PlannedGetter, Shape

_IDENTITIES = {
    Identity.CONSTANT: "tracer_probe()",
    Identity.COOKIE: "bpf_get_attach_cookie(args)",
    Identity.ADDRESS: "tracer_probe_at(args[TRACER_INSTRUCTION_POINTER] - TRACER_BREAKPOINT_SIZE)",
}
# the same value whenever one call of a function is entered and left, and of no other call that has not returned
_SAVE = "\ttracer_save(&call, args);"
_FRAMES = {
    ProbeKind.KRETPROBE: ("args[TRACER_STACK_POINTER]", "args[TRACER_STACK_POINTER] - TRACER_POPPED"),
    ProbeKind.FEXIT: ("tracer_trampoline(&args)", "tracer_trampoline(&args)"),
}


def program_text(
    template: str,
    function: str,
    shape: Shape,
    fragments: Sequence[PlannedFragment],
    *,
    usdt: int,
    asked: int,
    inner: bool,
    keeps_probe: bool,
    traces: bool,
) -> str:
    """The program of a shape.

    Args:
        template: Of the core, with stubs.
        function: What to call it.
        shape: What it does.
        fragments: What it runs, in order.
        usdt: By which of the text's specifications arguments are computed, from 1; 0 if by none.
        asked: Number of what it asks of metadata, if it does.
        inner: It is a part of another program.
        keeps_probe: It keeps the index of its probe, for what it records beside events.
        traces: It says what filters and getters answered.
    """
    judge = Judge(shape, fragments, asked, _result_place(shape), traces=traces)
    stubs = _common(function, shape, fragments, registers=_has_registers(shape), traces=traces) | {
        "LINKAGE": "static __always_inline int" if inner else "int",
        "USDT": str(usdt),
        "CALL": "\n".join((*_kept(keeps_probe=keeps_probe), *_call(shape))),
        "BEFORE": stacks.before_sight(shape, fragments),
        "SIGHT": judge.sight(),
        "AFTER": stacks.after_sight(shape),
        "RETURN": _return(shape),
        "FRAGMENTS": "\n".join(_calls(fragments, judge)),
        "STACK": "\tif (wanted)\n\t\ttracer_add_stack(args, event);" if shape.stack else "",
    }
    return _filled(template, stubs)


def helper_text(
    template: str,
    function: str,
    shape: Shape,
    role: Role,
    body: str,
    *,
    keeps_probe: bool,
    inner: bool,
) -> str:
    """The program of a shape with a role in tracking.

    Args:
        template: Of the core, with stubs.
        function: What to call it.
        shape: What it does.
        role: Its own.
        body: Function that makes events, run before; empty if it makes none.
        keeps_probe: It keeps the index of its probe, for what it records beside events.
        inner: It is a part of another program.
    """
    before = [f"\tprobe = TRACER_INDEX({_IDENTITIES[shape.identity]});"] if keeps_probe or _keeps(shape) else []
    before += _kept(keeps_probe=keeps_probe)
    before += _call(shape) if _keeps(shape) else ()
    stubs = _common(function, shape, (), registers=_has_registers(shape)) | {
        "LINKAGE": "static __always_inline int" if inner else "int",
        "BODY": f"\t{body}(args);" if body else "",
        "BEFORE": "\n".join(before),
        "ACTION": action(role, shape.kind, shape.position),
    }
    return _filled(template, stubs)


def helper_entry_text(template: str, function: str, shape: Shape, *, keeps_probe: bool) -> str:
    """The program at the entry of a function where, at its return, data has moved; the arguments are as above."""
    before = [f"\tprobe = TRACER_INDEX({_IDENTITIES[shape.identity]});"] if keeps_probe or _keeps(shape) else []
    before += _kept(keeps_probe=keeps_probe)
    if _keeps(shape):
        before += [_save(shape), f"\ttracer_enter(&call, {_FRAMES[shape.kind][0]}, probe);"]
    stubs = _common(function, shape, (), registers=shape.kind is ProbeKind.KRETPROBE) | {
        "LINKAGE": "int",
        "BODY": "",
        "BEFORE": "\n".join(before),
        "ACTION": note(),
    }
    return _filled(template, stubs)


def entry_text(
    template: str,
    function: str,
    shape: Shape,
    fragments: Sequence[PlannedFragment],
    *,
    asked: int,
    keeps_probe: bool,
    traces: bool,
) -> str:
    """The program that notes, at the entry of a function, what a program at its return needs.

    Args:
        template: Of the core, with stubs.
        function: What to call it.
        shape: Of the program at the return.
        fragments: What the program at the return runs.
        asked: Number of what is asked of metadata, if it is.
        keeps_probe: It keeps the index of its probe, for what it records beside events.
        traces: It says what filters and getters answered.
    """
    common = _common(function, shape, fragments, registers=shape.kind is ProbeKind.KRETPROBE, traces=traces)
    stubs = common | {
        "ARGUMENTS": "\n".join((*_kept(keeps_probe=keeps_probe), common["ARGUMENTS"])),
        "BEFORE": stacks.before_sight_at_entry(shape, fragments),
        "SIGHT": Judge(shape, fragments, asked, traces=traces).sight_at_entry(),
        "AFTER": stacks.after_sight_at_entry(shape),
        "FRAME": _FRAMES[shape.kind][0],
        "SAVE": _save(shape),
    }
    return _filled(template, stubs)


def choice_text(function: str, shapes: Mapping[int, str]) -> str:
    """A program that is as one of several, whichever its cookie says: what is one program is detached at once.

    Args:
        function: What to call it.
        shapes: Functions by number of their shape in the plan.
    """
    cases = "".join(f"\tcase {number}:\n\t\treturn {name}(args);\n" for number, name in shapes.items())
    return (
        f"int {function}(u64 *args)\n{{\n\tswitch (TRACER_SHAPE({_IDENTITIES[Identity.COOKIE]})) {{\n{cases}"
        "\t}\n\treturn 0;\n}\n"
    )


def _common(
    function: str, shape: Shape, fragments: Sequence[PlannedFragment], *, registers: bool, traces: bool = False
) -> dict[str, str]:
    return {
        "FUNCTION": function,
        "TYPED": str(int(shape.plain)),
        "REGISTERS": str(int(registers)),
        "COOKIE": _IDENTITIES[shape.identity],
        "ARGUMENTS": "\n".join((*_arguments(shape), *_position(shape, fragments))),
        "GETTERS": "\n".join(_getters(shape.getters, traces=traces)),
    }


def _kept(*, keeps_probe: bool) -> tuple[str, ...]:
    return ("\tctx->probe = probe;",) if keeps_probe else ()


def _keeps(shape: Shape) -> bool:
    """Whether a helper at a return finds its arguments only if they were kept."""
    return shape.kind is ProbeKind.KRETPROBE and shape.result is not None


def _save(shape: Shape) -> str:
    return _SAVE if shape.kind is ProbeKind.KRETPROBE else ""


def _has_registers(shape: Shape) -> bool:
    """Whether its arguments are in ``struct pt_regs`` when it runs; at returns they were kept."""
    return shape.kind in (ProbeKind.KPROBE, ProbeKind.UPROBE)


def _filled(template: str, stubs: dict[str, str]) -> str:
    return re.sub(r"\bTRACER_STUB_(\w+)", lambda match: stubs[match[1]], template)


def _call(shape: Shape) -> Iterator[str]:
    yield from (f"\t{line}" for line in stacks.returning(shape))
    if shape.result is not None:
        yield f"\tif (!tracer_leave(&call, {_FRAMES[shape.kind][1]}, probe))\n\t\treturn 0;"
    if shape.kind is ProbeKind.KRETPROBE:
        yield "\tctx->args = call.args;"


def _arguments(shape: Shape) -> Iterator[str]:
    if shape.kind is ProbeKind.KPROBE and any(position is None for _, position in shape.args):
        yield _SAVE
    for at, (c_type, position) in enumerate(shape.args):
        place = f"call.args[TRACER_POSITION(cookie, {at})]" if position is None else f"TRACER_ARG(ctx, {position})"
        yield f"\tctx->{argument_name(c_type)} = ({c_type}){place};"


def _position(shape: Shape, fragments: Iterable[PlannedFragment]) -> Iterator[str]:
    """Where on the stack it is called, if somebody keeps something by that."""
    sources = (*(f.fragment.source for f in fragments), *(g.getter.source for g in shape.getters))
    if asks_for_key(sources) and not shape.kind.in_process:
        yield f"\tctx->position = {stacks.position(shape.kind)};"


def _getters(getters: Iterable[PlannedGetter], *, traces: bool) -> Iterator[str]:
    for planned in getters:
        name, function = argument_name(planned.getter.gives), planned.getter.function
        conditions = " && ".join((f"!ctx->{name}", *_pointers(planned.getter.needs)))
        yield f"\tif ({conditions})\n\t\tctx->{name} = {function}(ctx);"
        if traces:
            yield f'\tif (!ctx->{name})\n\t\tTRACER_LOG(ctx, trace, "{function} found no {planned.getter.gives}");'


def _pointers(needs: Iterable[str]) -> Iterator[str]:
    """Conditions for what is needed to be there: an argument may be NULL, and a getter may have found nothing."""
    return (f"ctx->{argument_name(c_type)}" for c_type in needs if c_type.endswith("*"))


def _result_place(shape: Shape) -> str:
    """Where a program finds what its function returned."""
    return f"args[{shape.position if shape.kind is ProbeKind.FEXIT else 'TRACER_RESULT'}]"


def _return(shape: Shape) -> str:
    if shape.result is None:
        return ""
    lines = ["ctx->entered = call.entered;", f"ctx->result = {_widened(_result_place(shape), shape.result)};"]
    if shape.reports:
        # the result is worth an event, whatever is left of the arguments
        wanted = "matched" if shape.is_judging else "true"
        add = f"tracer_add_return(event, ctx->entered, ctx->result, {shape.result.form.value});"
        lines += [add, f"wanted = {wanted};"]
    return "\n".join(f"\t{line}" for line in lines)


def _widened(place: str, result: Result) -> str:
    if result.form is ResultForm.NOTHING:
        return "0"
    sign = "s" if result.form is ResultForm.SIGNED else "u"
    return f"({sign}{result.size * 8}){place}"


def _calls(fragments: Sequence[PlannedFragment], judge: Judge) -> Iterator[str]:
    for planned in fragments:
        fragment = planned.fragment
        conditions = list(_pointers(fragment.needs))
        if verdict := judge.verdict(fragment.gate):
            conditions.append(verdict)
        call = f"tracer_judge({fragment.function}(ctx, event));"
        yield f"\tif ({' && '.join(conditions)})\n\t\t{call}" if conditions else f"\t{call}"
