"""Collector ``skb_tracking``: which packet it is, wherever it is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tracer_core.api import (
    U64,
    BpfSource,
    CollectorSpec,
    Formatter,
    Fragment,
    Place,
    Style,
    TextOptions,
    hookimpl,
    section,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@section("skb-tracking")
class SkbTracking(NamedTuple):
    """Which packet it is: the same in all events of one packet and of its clones, and in those of no other."""

    orig_head: U64
    """Address of the packet's data (``skb->head``) when it was first seen."""
    timestamp: U64
    """ns of ``CLOCK_MONOTONIC`` when it was first seen."""
    skb: U64
    """Address of the ``struct sk_buff``: clones differ in it. 0 where the packet is that of the stack."""


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    summary = "Which packet it is, wherever it is seen."
    return CollectorSpec("skb_tracking", summary, sections=(SkbTracking,), identity=SkbTracking)


@hookimpl
def tracer_fragments() -> Iterable[Fragment]:
    """Run wherever the core knows the packet; it follows packets because we ask for that."""
    source = BpfSource.resource("tracer_skb_tracking", "bpf/skb_tracking.bpf.c")
    return [Fragment("skb_tracking_collect", source, needs=("struct tracer_tracked *",), emits=(SkbTracking,))]


@hookimpl
def tracer_formatters() -> Iterable[Formatter]:
    """Show it on the first line of the event, unless its place in a series says the same."""
    hidden = ("tracking",)
    return [Formatter(SkbTracking, skb_tracking_text, place=Place.HEAD, unless=hidden, style=Style.IDENTITY)]


def skb_tracking_text(tracking: SkbTracking, _: TextOptions) -> str:
    """The 128 bits that are the packet's, and which skb it is in, in hexadecimal."""
    return f"#{tracking.timestamp << 64 | tracking.orig_head:x} (skb {tracking.skb:x})"
