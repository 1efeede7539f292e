"""Collector ``skb``: the bytes of a packet, and their text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.api import (
    BpfSource,
    CollectorSpec,
    Formatter,
    Fragment,
    Packet,
    TextOptions,
    hookimpl,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    return CollectorSpec("skb", "The packet that a socket buffer carries.", sections=(Packet,))


@hookimpl
def tracer_fragments() -> Iterable[Fragment]:
    """Capture the packet wherever an skb passes."""
    source = BpfSource.resource("tracer_skb", "bpf/skb.bpf.c")
    return [Fragment("skb_collect", source, needs=("struct sk_buff *",), emits=(Packet,))]


@hookimpl
def tracer_formatters() -> Iterable[Formatter]:
    """Show the packet in words."""
    return [Formatter(Packet, _packet_text)]


def _packet_text(packet: Packet, options: TextOptions) -> str:
    from tracer_skb.text import format_packet  # noqa: PLC0415 - collecting to a file needs no text

    return format_packet(packet.data, link_layer=options.link_layer)
