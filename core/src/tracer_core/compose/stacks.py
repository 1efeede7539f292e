"""What programs do about the packet that their kernel stack runs for, as C (``bpf/stack.bpf.h``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.plan.tracking import TRACKED
from tracer_core.types import Gate, ProbeKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracer_core.plan.following import StackPlace, Stacks
    from tracer_core.plan.plan import PlannedFragment, Shape

_LEVELS = 16  # calls with windows, one within the other

_NETNS = ("if (!tracer_wants_netns(ctx))", "\treturn 0;")
MATCHED = 1
"""Bit of what is kept of a call's entry: all filters passed."""

_NOW = "bpf_ktime_get_ns()"
_KNOWN = ("ctx->tracer_tracked = &tracked;",)


def place_constants(place: StackPlace) -> Iterator[str]:
    """What the C text needs to know to find a stack."""
    yield f"#define TRACER_THREAD_SIZE {place.thread_size}\n"
    yield f"#define TRACER_TASK_STACK {place.task_stack}\n"


def constants(stacks: Stacks) -> Iterator[str]:
    """What the C text needs to know to tell whom a stack runs for."""
    yield f"#define TRACER_FOLLOW_STACK {int(stacks.follow)}\n"
    yield f"#define TRACER_LEVELS {_LEVELS if stacks.windows else 1}\n"


def position(kind: ProbeKind, *, at_return: bool = False) -> str:
    """Where on the stack a program is called; at the return of a function, where it was at the entry."""
    if not kind.breaks:
        return "tracer_number((u64 *)&args)"
    return "args[TRACER_STACK_POINTER]" + (" - TRACER_POPPED" if at_return else "")


def closing(kind: ProbeKind) -> str:
    """A statement for where a window closes."""
    return f"tracer_close({position(kind, at_return=True)});"


def returning(shape: Shape) -> Iterator[str]:
    """Statements of a program at a return before it asks for the call: whether that was noted or not, it is over."""
    use = shape.on_stack
    if use is None or not use.opens or shape.result is None:
        return
    if use.inherits:
        yield "struct tracer_tracked tracked;"
        yield f"bool inherited = tracer_inherit({_NOW}, {position(shape.kind, at_return=True)}, &tracked);"
    yield closing(shape.kind)


def before_sight(shape: Shape, fragments: Sequence[PlannedFragment]) -> str:
    """Statements of a program before its packet is judged; without one, they do all there is to judge.

    Args:
        shape: Of the program.
        fragments: What it runs.
    """
    use = shape.on_stack
    if use is None or (shape.result is not None and not use.inherits):
        return ""
    if not use.inherits:
        return _indented(_told(shape))
    if shape.result is not None:
        return _indented(_inherited_at_return(shape, fragments))
    lines = ["struct tracer_tracked tracked;", *_opened(shape)]
    lines += [f"bool inherited = tracer_inherit({_NOW}, {position(shape.kind)}, &tracked);"]
    otherwise = ("return 0;",) if _is_all(fragments, gated=use.gated) else _NETNS
    return _indented([*lines, *_if("inherited", _KNOWN, otherwise)])


def before_sight_at_entry(shape: Shape, fragments: Sequence[PlannedFragment]) -> str:
    """The same at the entry of a function, for the program at its return."""
    use = shape.on_stack
    if use is None:
        return ""
    if not use.inherits:
        return _indented(_told(shape))
    if use.opens:  # whom it runs for may turn out on the way
        return _indented([*_opened(shape), "call.matched = tracer_wants_netns(ctx);"])
    lines = [f"call.matched = tracer_inherit({_NOW}, {position(shape.kind)}, &call.tracked);"]
    if _is_all(fragments, gated=use.gated):
        return _indented([*lines, "if (!call.matched)", "\treturn 0;"])
    return _indented([*lines, "if (!call.matched && !tracer_wants_netns(ctx))", "\treturn 0;"])


def after_sight(shape: Shape) -> str:
    """Statements of a program whose packet was judged: the stack runs for it, if it is followed."""
    return "\ttracer_met(ctx, bpf_ktime_get_ns(), level);" if shape.result is None and _tells(shape) else ""


def after_sight_at_entry(shape: Shape) -> str:
    """The same at the entry of a function, for the program at its return."""
    if not _tells(shape):
        return ""
    met = "tracer_met_at_entry(ctx, call.entered, level);"
    return _indented((f"if (call.matched & {MATCHED})", f"\t{met}") if shape.is_judging else (met,))


def inherits(shape: Shape) -> bool:
    """Whether it has no packet of its own that could be judged, by its namespace or by filters: its stack's was."""
    return shape.on_stack is not None and shape.on_stack.inherits


def gate(shape: Shape) -> str:
    """What must hold for fragments that wait for filters, where it is not the program's packet; nothing if all run."""
    return "inherited" if shape.on_stack is not None and shape.on_stack.gated else ""


def _tells(shape: Shape) -> bool:
    return shape.on_stack is not None and not shape.on_stack.inherits


def _told(shape: Shape) -> Iterator[str]:
    opens = shape.on_stack is not None and shape.on_stack.opens
    told = f"tracer_open(ctx, {_NOW}, " if opens else "tracer_meet(ctx, "
    yield f"struct tracer_level *level = {told}{position(shape.kind)});"


def _opened(shape: Shape) -> Iterator[str]:
    if shape.on_stack is not None and shape.on_stack.opens:
        yield f"tracer_open(ctx, {_NOW}, {position(shape.kind)});"


def _inherited_at_return(shape: Shape, fragments: Sequence[PlannedFragment]) -> Iterator[str]:
    use = shape.on_stack
    if use is not None and use.opens:
        otherwise = ("return 0;",) if _is_all(fragments, gated=use.gated) else ("if (!call.matched)", "\treturn 0;")
        yield from _if("inherited", _KNOWN, otherwise)
    else:
        yield "bool inherited = call.matched;"
        yield from _if("inherited", ("ctx->tracer_tracked = &call.tracked;",), ())


def _if(condition: str, then: Iterable[str], otherwise: Sequence[str]) -> Iterator[str]:
    yield f"if ({condition}) {{"
    yield from (f"\t{line}" for line in then)
    if otherwise:
        yield "} else {"
        yield from (f"\t{line}" for line in otherwise)
    yield "}"


def _is_all(fragments: Sequence[PlannedFragment], *, gated: bool) -> bool:
    """Whether nothing is reported where nothing is inherited."""
    return all(
        TRACKED in planned.fragment.needs or (gated and planned.fragment.gate is not Gate.ALWAYS)
        for planned in fragments
    )


def _indented(lines: Iterable[str]) -> str:
    return "\n".join(f"\t{line}" for line in lines)
