"""Collectors' probes of functions are of the kind in which the user probes the same function."""

from __future__ import annotations

import pytest

from tracer_core.plan.agree import agreed
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declaration import Declaration, Owner
from tracer_core.types import CollectorSpec, Probe, ProbeKind

KPROBES = Fixed(entries=(ProbeKind.KPROBE,), returns=(ProbeKind.KRETPROBE,))
FENTRY = Fixed(entries=(ProbeKind.FENTRY,), returns=(ProbeKind.FEXIT,))


def probe_of(declared: Probe, asked: str, abilities: Fixed) -> Probe:
    declaration = Declaration(Owner("one"), CollectorSpec("one", ""), None, probes=(declared,))
    (probe,) = agreed(declaration, Request((parse_probe(asked),), abilities=abilities)).probes
    return probe


@pytest.mark.parametrize(
    ("declared", "asked", "abilities", "kind"),
    [
        (Probe.function("f"), "kprobe:f", Fixed(), ProbeKind.KPROBE),
        (Probe.function("f"), "fentry:f", Fixed(), ProbeKind.FENTRY),
        (Probe.function("f", returns=True), "kretprobe:f", Fixed(), ProbeKind.KRETPROBE),
        (Probe.function("f"), "kretprobe:f", Fixed(), ProbeKind.FUNCTION),
        (Probe.function("f"), "f", Fixed(), ProbeKind.FUNCTION),
        (Probe.function("f"), "kprobe:g", Fixed(), ProbeKind.FUNCTION),
        (Probe.function("f"), "kprobe:f", FENTRY, ProbeKind.FUNCTION),
        (Probe.function("f"), "fentry:f", KPROBES, ProbeKind.FUNCTION),
        (Probe(ProbeKind.FENTRY, "f"), "kprobe:f", Fixed(), ProbeKind.FENTRY),
        (Probe.tracepoint("a:f"), "kprobe:f", Fixed(), ProbeKind.RAW_TRACEPOINT),
    ],
)
def test_a_kind_that_is_left_open_is_the_users_if_the_kernel_has_it(
    declared: Probe, asked: str, abilities: Fixed, kind: ProbeKind
) -> None:
    probe = probe_of(declared, asked, abilities)
    assert (probe.kind, probe.target) == (kind, declared.target)
