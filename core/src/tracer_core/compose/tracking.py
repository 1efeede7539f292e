"""What programs do where packets end or their data moves, as C (``bpf/tracking.bpf.h``)."""

from __future__ import annotations

from tracer_core.compose.stacks import closing
from tracer_core.plan.following import Role
from tracer_core.types import ProbeKind

_FIRST, _SECOND = "TRACER_ARG(ctx, 0)", "TRACER_ARG(ctx, 1)"
_PACKET, _OTHER = f"(struct sk_buff *){_FIRST}", f"(struct sk_buff *){_SECOND}"

_ACTIONS = {
    Role.FREES: f"tracer_freed_packet(ctx, {_PACKET});",
    Role.FREES_STOLEN: f"if ((u8){_SECOND})\n\t\ttracer_freed_packet(ctx, {_PACKET});",
    Role.FREES_MEMORY: f"tracer_freed(ctx, {_SECOND});",
    Role.FREES_FRAGMENT: f"tracer_freed(ctx, {_FIRST});",
    Role.REUSES: f"tracer_freed_packet(ctx, {_OTHER});",
    Role.RELEASES: f"tracer_released(ctx, {_PACKET});",
    Role.NOTES: f"tracer_note(ctx, {_PACKET}, false);",
}


def action(role: Role, kind: ProbeKind, position: int) -> str:
    """A statement for a role.

    Args:
        role: What is to be done.
        kind: Of the probe.
        position: At returns through a trampoline: of the result.
    """
    if role is Role.CLOSES:
        return f"\t{closing(kind)}"
    if role is Role.MOVES:
        result = f"args[{position if kind is ProbeKind.FEXIT else 'TRACER_RESULT'}]"
        return f"\ttracer_move(ctx, {_PACKET}, {result});"
    return f"\t{_ACTIONS[role]}"


def note() -> str:
    """A statement for the entry of a function whose program at the return has the role :attr:`Role.MOVES`."""
    return f"\ttracer_note(ctx, {_PACKET}, true);"
