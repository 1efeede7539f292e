"""How functions can be probed, by what the kernel offers."""

from __future__ import annotations

from dataclasses import replace

from tracer_core.plan.request import Fixed
from tracer_core.types import ProbeKind

_KPROBES = Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,))
WAYS = {
    "trampolines": Fixed(),
    "kprobes": _KPROBES,
    "kprobes without cookies": replace(_KPROBES, cookies=False, multi=False),
    "no functions": Fixed(entries=(), returns=()),
}
