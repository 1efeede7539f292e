"""What the user asks of a run, as far as planning is concerned."""

from __future__ import annotations

from dataclasses import dataclass

from tracer_core.errors import UsageError
from tracer_core.types import Probe, ProbeKind

_PREFIXES = {
    "tp": ProbeKind.RAW_TRACEPOINT,
    "raw_tracepoint": ProbeKind.RAW_TRACEPOINT,
    "k": ProbeKind.KPROBE,
    "kprobe": ProbeKind.KPROBE,
    "fentry": ProbeKind.FENTRY,
}
_LATER = frozenset({"kr", "kretprobe", "fexit"})
_FORMS = "give tp:GROUP:NAME, FUNCTION, kprobe:FUNCTION or fentry:FUNCTION"


@dataclass(frozen=True, slots=True)
class Request:
    """The user's part of a plan.

    Attributes:
        probes: Given with ``-p``.
        netns: Inode numbers; empty for all.
        typed: Typed programs may be used.
        functions: Ways in which functions can be probed here, the cheapest first.
    """

    probes: tuple[Probe, ...] = ()
    netns: tuple[int, ...] = ()
    typed: bool = True
    functions: tuple[ProbeKind, ...] = (ProbeKind.FENTRY, ProbeKind.KPROBE)


def parse_probe(text: str) -> Probe:
    """Parse ``[TYPE:]TARGET``, in the forms of ``_FORMS`` and some shorter ones.

    Raises:
        UsageError: it is not a probe, or of a kind that cannot be attached yet.
    """
    prefix, colon, target = text.partition(":")
    if prefix in _LATER:
        raise UsageError(f"probe {text!r}: {prefix} probes are not supported yet", hint=_FORMS)
    if not colon:
        kind, target = ProbeKind.FUNCTION, text
    elif prefix in _PREFIXES:
        kind = _PREFIXES[prefix]
    elif ":" in target:
        raise UsageError(f"probe {text!r}: invalid type {prefix!r}", hint=_FORMS)
    else:
        kind, target = ProbeKind.RAW_TRACEPOINT, text
    parts = target.split(":")
    if len(parts) != (2 if kind is ProbeKind.RAW_TRACEPOINT else 1) or not all(part.isidentifier() for part in parts):
        what = "tracepoint" if kind is ProbeKind.RAW_TRACEPOINT else "function"
        raise UsageError(f"probe {text!r}: not a {what}", hint=_FORMS)
    return Probe(kind, target)
