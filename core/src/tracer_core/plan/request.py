"""What the user asks of a run, as far as planning is concerned."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.errors import UsageError
from tracer_core.types import Probe

if TYPE_CHECKING:
    from tracer_core.kernel.view import Kernel

_TRACEPOINT_PREFIXES = frozenset({"tp", "raw_tracepoint"})
_OTHER_PREFIXES = frozenset({"kprobe", "k", "kretprobe", "kr", "fentry", "fexit"})


@dataclass(frozen=True, slots=True)
class Request:
    """The user's part of a plan.

    Attributes:
        probes: Given with ``-p``.
        netns: Inode numbers; empty for all.
        typed: Typed programs may be used.
    """

    probes: tuple[Probe, ...] = ()
    netns: tuple[int, ...] = ()
    typed: bool = True


def parse_probe(text: str) -> Probe:
    """Parse ``[tp:|raw_tracepoint:]GROUP:NAME``.

    Raises:
        UsageError: it is not a probe, or of a kind that cannot be attached yet.
    """
    prefix, _, target = text.partition(":")
    if prefix in _OTHER_PREFIXES or not target:
        kind = prefix if target else "function"
        raise UsageError(f"probe {text!r}: {kind} probes are not supported yet", hint="give tp:GROUP:NAME")
    if prefix not in _TRACEPOINT_PREFIXES:
        if ":" in target:
            raise UsageError(f"probe {text!r}: invalid type {prefix!r}", hint="give tp:GROUP:NAME")
        target = text
    group, _, name = target.partition(":")
    if not (group and name) or not all(part.isidentifier() for part in (group, name)):
        raise UsageError(f"probe {text!r}: not a tracepoint", hint="give tp:GROUP:NAME, as in tp:net:netif_receive_skb")
    return Probe.tracepoint(target)


def unknown_tracepoint(probe: Probe, kernel: Kernel) -> UsageError:
    """The error for a tracepoint that the kernel does not have, with near matches."""
    import difflib  # noqa: PLC0415 - only when something is wrong

    name = probe.target.partition(":")[2]
    events = kernel.events
    candidates = events if events is not None else kernel.tracepoint_names()
    near = difflib.get_close_matches(probe.target if events is not None else name, sorted(candidates), n=3, cutoff=0.7)
    near = near or sorted(c for c in candidates if c.rpartition(":")[2] == name)
    group = probe.target.partition(":")[0]
    named = [f"tp:{c}" if ":" in c else f"tp:{group}:{c}" for c in near]  # only tracefs knows groups
    hint = f"did you mean {' or '.join(named)}?" if named else "list them with: ls /sys/kernel/tracing/events/net"
    return UsageError(f"probe {probe}: this kernel has no such tracepoint", hint=hint)
