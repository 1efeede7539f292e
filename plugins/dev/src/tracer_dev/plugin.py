"""Collector ``dev``: the network device that a packet, or what is probed, is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from tracer_core.api import (
    U32,
    BpfSource,
    Chars,
    CollectorSpec,
    Columns,
    Decoder,
    Formatter,
    Fragment,
    TextOptions,
    hookimpl,
    section,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUBJECTS = ("struct sk_buff *", "struct net_device *")


@section("dev")
class Dev(NamedTuple):
    """A network device."""

    name: Annotated[bytes, Chars(16)]
    """Its name."""
    ifindex: U32
    """Its number in its network namespace."""
    rx_ifindex: U32 | None
    """Number of the device that the packet came in by: ``skb->skb_iif``; missing if it did not come in."""


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    return CollectorSpec("dev", "The network device of a packet, or the one that is probed.", sections=(Dev,))


@hookimpl
def tracer_fragments() -> Iterable[Fragment]:
    """Run wherever there is a packet or a device."""
    source = BpfSource.resource("tracer_dev", "bpf/dev.bpf.c")
    return [Fragment("dev_collect", source, any_of=_SUBJECTS, emits=(Dev,))]


@hookimpl
def tracer_decoders() -> Iterable[Decoder]:
    """No device has number 0."""
    return [Decoder(Dev, _decode)]


@hookimpl
def tracer_formatters() -> Iterable[Formatter]:
    """Show it beside its namespace, if that is shown."""
    return [Formatter(Dev, dev_text, after=("packet", "netns"), beside="netns")]


def dev_text(dev: Dev, _: TextOptions) -> str:
    """Number and name, and the number of the device that the packet came in by."""
    name = f" ({dev.name.decode(errors='replace')})" if dev.name else ""
    received = f" rxif {dev.rx_ifindex}" if dev.rx_ifindex is not None else ""
    return f"if {dev.ifindex}{name}{received}"


def _decode(columns: Columns) -> Columns:
    import numpy as np  # noqa: PLC0415 - only runs decode

    return {**columns, "rx_ifindex": np.ma.masked_equal(columns["rx_ifindex"], 0)}
