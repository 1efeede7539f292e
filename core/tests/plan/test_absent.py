"""Probes that may be missing, and are."""

from __future__ import annotations

from dataclasses import replace

from tracer_core.kernel.base import BtfKernel
from tracer_core.plan.absent import absent
from tracer_core.plan.request import Fixed, parse_probe

PROBES = [parse_probe(text) for text in ("tp:skb:kfree_skb", "tp:no:such", "kprobe:ip_rcv", "nosuch")]


def test_those_that_the_kernel_lacks_are_found(kernel: BtfKernel) -> None:
    optional = [replace(probe, optional=True) for probe in PROBES]
    assert [str(probe) for probe in absent(optional, Fixed(), kernel)] == ["tp:no:such", "nosuch"]


def test_those_that_must_be_there_are_the_plans_matter(kernel: BtfKernel) -> None:
    assert absent(PROBES, Fixed(), kernel) == ()


def test_those_that_cannot_be_probed_are_not_missing(kernel: BtfKernel) -> None:
    probe = replace(parse_probe("ip_rcv"), optional=True)
    assert absent([probe], Fixed(entries=(), returns=()), kernel) == ()
