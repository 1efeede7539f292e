"""Collector ``ct``: what connection tracking knows of a packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tracer_core.api import (
    BpfSource,
    CollectorSpec,
    Decoder,
    Formatter,
    Fragment,
    Kernel,
    TextOptions,
    Unavailable,
    Upgrade,
    hookimpl,
)
from tracer_ct import kernel as facts
from tracer_ct.sections import Ct, CtOther

if TYPE_CHECKING:
    from collections.abc import Iterable

_BEFORE = ("packet", "netns", "dev", "skb", "ovs", "ovs-detrace", "nft")


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    return CollectorSpec("ct", "The conntrack entry of the packet.", sections=(Ct, CtOther))


@hookimpl
def tracer_check(kernel: Kernel) -> Unavailable | None:
    """Need connection tracking, and its types."""
    return facts.unavailable(kernel)


@hookimpl
def tracer_fragments(kernel: Kernel) -> Iterable[Fragment]:
    """Look at the entry wherever an skb passes."""
    source = BpfSource.resource("tracer_ct", "bpf/ct.bpf.c", **facts.defines(kernel))
    return [Fragment("ct_collect", source, needs=("struct sk_buff *",), emits=(Ct, CtOther))]


@hookimpl
def tracer_decoders(kernel: Kernel) -> Iterable[Decoder]:
    """Name addresses and states."""
    from tracer_ct.decode import ConnectionDecoder  # noqa: PLC0415 - only runs need it

    decoder = ConnectionDecoder(kernel)
    return [Decoder(Ct, decoder.known), Decoder(CtOther, decoder.other)]


@hookimpl
def tracer_formatters() -> Iterable[Formatter]:
    """Show connections in words."""
    return [Formatter(Ct, _ct_text, after=_BEFORE), Formatter(CtOther, _ct_other_text, after=_BEFORE)]


@hookimpl
def tracer_upgrades() -> Iterable[Upgrade]:
    """Before Retis 1.6 there was no status, and before 1.7 only TCP had states."""
    status = (("ct.ct_status", 0), ("ct.parent.ct_status", 0))
    states = (("ct.tcp_state", "ct.proto_state"), ("ct.parent.tcp_state", "ct.parent.proto_state"))
    return [Upgrade((1, 6), adds=status), Upgrade((1, 7), moves=states)]


def _ct_text(ct: Ct, options: TextOptions) -> str:
    from tracer_ct.text import format_ct  # noqa: PLC0415 - collecting to a file needs no text

    return format_ct(ct, multi_line=options.multi_line)


def _ct_other_text(other: CtOther, options: TextOptions) -> str:
    from tracer_ct.text import format_ct_other  # noqa: PLC0415 - ditto

    return format_ct_other(other, multi_line=options.multi_line)
