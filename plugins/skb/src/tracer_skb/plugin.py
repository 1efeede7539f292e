"""Collector ``skb``: the bytes of a packet, what the skb says beside them, and the text of both."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.api import (
    BpfSource,
    CollectorSpec,
    Formatter,
    Fragment,
    Kernel,
    Packet,
    TextOptions,
    Upgrade,
    hookimpl,
    option,
)
from tracer_skb.sections import Skb

if TYPE_CHECKING:
    from collections.abc import Iterable

_NEEDS = ("struct sk_buff *",)
_OPTIONAL = {"meta": "skb_meta", "dataref": "skb_data_ref", "gso": "skb_gso"}
_SHOWN = "the packet is always shown"


@dataclass(frozen=True)
class SkbOptions:
    """What to report beside packets and VLAN tags."""

    sections: tuple[str, ...] = option(
        (),
        help="What to report beside packets: meta, dataref, gso, or all.",
        choices=("all", *_OPTIONAL),
        obsolete={"eth": "", **dict.fromkeys(("packet", "arp", "ip", "tcp", "udp", "icmp", "vlan"), _SHOWN)},
        selects=("dev", "ns"),
    )

    @property
    def functions(self) -> list[str]:
        """The fragments that report it."""
        return [name for choice, name in _OPTIONAL.items() if {choice, "all"} & set(self.sections)]


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    summary = "The packet that a socket buffer carries, and what the buffer says of it."
    return CollectorSpec("skb", summary, api=(1, 1), options=SkbOptions, sections=(Packet, Skb))


@hookimpl
def tracer_fragments(kernel: Kernel, options: SkbOptions) -> Iterable[Fragment]:
    """Capture the packet wherever an skb passes, and the VLAN tag that is not in it."""
    packet = BpfSource.resource("tracer_skb", "bpf/skb.bpf.c")
    metadata = BpfSource.resource(
        "tracer_skb",
        "bpf/metadata.bpf.c",
        SKB_VLAN_PRESENT=int(kernel.member("sk_buff", "vlan_present") is not None),
        SKB_VLAN_ALL=int(kernel.member("sk_buff", "vlan_all") is not None),
        SKB_SHARED_FLAGS=int(kernel.member("skb_shared_info", "flags") is not None),
    )
    yield Fragment("skb_collect", packet, needs=_NEEDS, emits=(Packet,))
    for function in ("skb_vlan_accel", *options.functions):
        yield Fragment(function, metadata, needs=_NEEDS, emits=(Skb,))


@hookimpl
def tracer_formatters() -> Iterable[Formatter]:
    """Show the packet in words, and what else there is to say."""
    return [Formatter(Packet, _packet_text), Formatter(Skb, _skb_text, after=("packet", "netns", "dev"))]


@hookimpl
def tracer_upgrades() -> Iterable[Upgrade]:
    """In files of Retis 1.5, what is now of others was in our section, too."""
    moves = (
        ("skb.packet", "packet"),
        ("packet.packet", "packet.data"),
        ("skb.dev", "dev"),
        ("skb.ns", "netns"),
        ("netns.netns", "netns.inum"),
    )
    return [Upgrade((1, 6), moves=moves)]


def _packet_text(packet: Packet, options: TextOptions) -> str:
    from tracer_skb.text import format_packet  # noqa: PLC0415 - collecting to a file needs no text

    return format_packet(packet.data, link_layer=options.link_layer)


def _skb_text(skb: Skb, options: TextOptions) -> str:
    from tracer_skb.text.metadata import format_skb  # noqa: PLC0415 - ditto

    return format_skb(skb, link_layer=options.link_layer)
