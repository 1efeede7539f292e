"""What programs do where packets end or their data moves, as C (``bpf/tracking.bpf.h``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.plan.plan import Role, Sight
from tracer_core.types import ProbeKind

if TYPE_CHECKING:
    from tracer_core.plan.plan import Shape

_FIRST, _SECOND = "TRACER_ARG(ctx, 0)", "TRACER_ARG(ctx, 1)"
_PACKET, _OTHER = f"(struct sk_buff *){_FIRST}", f"(struct sk_buff *){_SECOND}"

_ACTIONS = {
    Role.FREES: f"tracer_forget_packet(ctx, {_PACKET});",
    Role.FREES_STOLEN: f"if ((u8){_SECOND})\n\t\ttracer_forget_packet(ctx, {_PACKET});",
    Role.FREES_MEMORY: f"tracer_forget({_SECOND});",
    Role.FREES_FRAGMENT: f"tracer_forget({_FIRST});",
    Role.REUSES: f"tracer_forget_packet(ctx, {_OTHER});",
    Role.RELEASES: f"tracer_forget_released(ctx, {_PACKET});",
    Role.NOTES: f"tracer_note(ctx, {_PACKET});",
}


def action(role: Role, kind: ProbeKind, position: int) -> str:
    """A statement for a role.

    Args:
        role: What is to be done.
        kind: Of the probe.
        position: At returns through a trampoline: of the result.
    """
    if role is Role.MOVES:
        result = f"args[{position if kind is ProbeKind.FEXIT else 'TRACER_RESULT'}]"
        return f"\ttracer_move(ctx, {_PACKET}, {result});"
    return f"\t{_ACTIONS[role]}"


def sight(shape: Shape) -> str:
    """Statements that make ``ctx->tracer_tracked``, and say whether the packet is wanted, where that is asked."""
    if shape.sight is None:
        return ""
    track = "tracer_track(ctx, &tracked)"
    lines = ["struct tracer_tracked tracked;"]
    if not shape.filtered:
        track = "" if shape.sight is Sight.LATER else f" || {track}"
        lines += [f"if (tracer_look_up(ctx, &tracked){track})", "\tctx->tracer_tracked = &tracked;"]
    elif shape.result is not None:  # it was asked at the entry
        lines += ["bool matched = call.matched;", *_looked_up()]
    else:
        lines += ["bool matched = true;", *_looked_up(), "else if (!ctx->sk_buff || !tracer_filter(ctx, ctx->sk_buff))"]
        lines += ["\tmatched = false;"]
        if shape.sight is Sight.FIRST:
            lines += [f"else if ({track})", "\tctx->tracer_tracked = &tracked;"]
    return "\n".join(f"\t{line}" for line in lines)


def _looked_up() -> tuple[str, str]:
    return "if (tracer_look_up(ctx, &tracked))", "\tctx->tracer_tracked = &tracked;"


def match_at_entry(shape: Shape, *, needed: bool) -> str:
    """Statements that ask the filter at the entry of a function, for the program at its return.

    Args:
        shape: Of the program at the return.
        needed: Nothing is reported of other packets.
    """
    if not shape.filtered:
        return ""
    lines = [
        "struct tracer_tracked tracked;",
        "ctx->timestamp = call.entered;",
        "call.matched = tracer_look_up(ctx, &tracked) ||",
        "\t(ctx->sk_buff && tracer_filter(ctx, ctx->sk_buff) && (tracer_track(ctx, &tracked) || true));",
    ]
    if needed:
        lines += ["if (!call.matched)", "\treturn 0;"]
    return "\n".join(f"\t{line}" for line in lines)
