"""What a program does about its packet, as C: filters are asked, its namespace is judged, it is followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.plan.plan import Sight
from tracer_core.types import Gate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tracer_core.plan.plan import PlannedFragment, Shape

_ENTERED = "ctx->timestamp = bpf_ktime_get_ns();"
_NETNS = ("if (!tracer_wants_netns(ctx))", "\treturn 0;")
_KNOWN = "ctx->tracer_tracked = &tracked;"


def some_always(fragments: Sequence[PlannedFragment]) -> bool:
    """Whether something runs whatever the filters say."""
    return any(planned.fragment.gate is Gate.ALWAYS for planned in fragments)


def sight(shape: Shape, fragments: Sequence[PlannedFragment]) -> str:
    """Statements of a program before its event begins; ``ctx->tracer_tracked`` and ``matched`` are then known.

    Args:
        shape: Of the program.
        fragments: What it runs.
    """
    if shape.result is not None:
        lines = _at_return(shape, fragments)
    elif shape.filtered:
        lines = _filtered(shape, fragments)
    else:
        lines = _unfiltered(shape)
    return _indented(lines)


def sight_at_entry(shape: Shape, fragments: Sequence[PlannedFragment]) -> str:
    """The same at the entry of a function, for the program at its return: by then the packet may be gone.

    Args:
        shape: Of the program at the return.
        fragments: What that runs.
    """
    if not shape.filtered:
        return _indented(_NETNS)
    return _indented(
        (
            "struct tracer_tracked tracked;",
            *_judged(),
            *(() if some_always(fragments) else ("if (!matched)", "\treturn 0;")),
            *_NETNS,
            "ctx->timestamp = call.entered;",
            "if (matched && !tracer_find(head, ctx->timestamp, &tracked))",
            "\ttracer_track(ctx, head, &tracked);",
            "call.matched = matched;",
        )
    )


def _unfiltered(shape: Shape) -> Iterator[str]:
    yield _ENTERED
    # in processes there is no packet that could be in another namespace
    yield from () if shape.kind.in_process else _NETNS
    if shape.sight is not None:
        yield from _followed("tracer_head(ctx)", "" if shape.sight is Sight.LATER else "true")


def _filtered(shape: Shape, fragments: Sequence[PlannedFragment]) -> Iterator[str]:
    """The filter comes first, the time and all else after it: of most packets nothing else is asked."""
    yield from _judged()
    if not some_always(fragments):
        yield from ("if (!matched)", "\treturn 0;")
    yield _ENTERED
    yield from _NETNS
    yield from _followed("head", "" if shape.sight is Sight.LATER else "matched")


def _at_return(shape: Shape, fragments: Sequence[PlannedFragment]) -> Iterator[str]:
    """Everything was asked at the entry."""
    yield _ENTERED
    if shape.filtered:
        yield "bool matched = call.matched;"
    if shape.sight is not None:
        yield from _followed("tracer_head(ctx)", "")
    if shape.filtered and not some_always(fragments):
        yield from ("if (!matched)", "\treturn 0;")


def _judged() -> Iterator[str]:
    """Statements that declare ``head`` and ``matched``: a followed packet is not asked again."""
    yield "struct tracer_offsets offsets = {};"
    yield "bool matched;"
    yield "u64 head;"
    yield "if (ctx->sk_buff)"
    yield "\ttracer_offsets(ctx, ctx->sk_buff, &offsets);"
    yield "head = (u64)offsets.head;"
    yield "matched = tracer_knows(head) || (ctx->sk_buff && tracer_filter(ctx, &offsets));"


def _followed(head: str, begins: str) -> Iterator[str]:
    """Statements that say which packet it is, and follow it from here on if *begins* holds."""
    yield "struct tracer_tracked tracked;"
    if begins not in ("", "true"):
        begins = f"{begins} && "
    track = f" || ({begins if begins != 'true' else ''}tracer_track(ctx, at, &tracked))" if begins else ""
    yield f"u64 at = {head};"
    yield f"if (tracer_find(at, ctx->timestamp, &tracked){track})"
    yield f"\t{_KNOWN}"


def _indented(lines: Iterator[str] | Sequence[str]) -> str:
    return "\n".join(f"\t{line}" for line in lines)
