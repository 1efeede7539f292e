"""Collector ``ns``: the network namespace of a packet, or of what is probed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, NamedTuple

from tracer_core.api import (
    U32,
    U64,
    BpfSource,
    CollectorSpec,
    Columns,
    Decoder,
    Formatter,
    Fragment,
    Kernel,
    TextOptions,
    hookimpl,
    recorded,
    section,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

_SUBJECTS = ("struct sk_buff *", "struct net_device *", "struct net *")


@section("netns")
class NetNs(NamedTuple):
    """A network namespace."""

    cookie: U64 | None
    """A number that no other namespace ever has while the machine runs; missing where the kernel gives none."""
    inum: U32
    """Its inode number, as ``readlink /proc/PID/ns/net`` shows it."""
    name: Annotated[str, recorded(U32)] | None
    """Its name, as ``ip netns`` has it, or name and PID of a process in it; missing where neither is known."""


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    return CollectorSpec("ns", "The network namespace of a packet, or of what is probed.", sections=(NetNs,))


@hookimpl
def tracer_fragments(kernel: Kernel) -> Iterable[Fragment]:
    """Run wherever there is a packet, a device or a namespace."""
    is_atomic = kernel.member("net", "net_cookie.counter") is not None
    has_cookie = kernel.member("net", "net_cookie") is not None
    source = BpfSource.resource("tracer_ns", "bpf/ns.bpf.c", NS_COOKIE=int(has_cookie), NS_COOKIE_ATOMIC=int(is_atomic))
    return [Fragment("ns_collect", source, any_of=_SUBJECTS, emits=(NetNs,))]


@hookimpl
def tracer_decoders(kernel: Kernel) -> Iterable[Decoder]:
    """Give namespaces their names. Cookies are never 0."""

    def decode(columns: Columns) -> Columns:
        import numpy as np  # noqa: PLC0415 - only runs decode

        from tracer_core.api import Labels  # noqa: PLC0415 - ditto

        cookie, inum, name = (columns[field] for field in NetNs._fields)
        return {"cookie": np.ma.masked_equal(cookie, 0), "inum": inum, "name": Labels.of(name, kernel.netns_name)}

    return [Decoder(NetNs, decode)]


@hookimpl
def tracer_formatters() -> Iterable[Formatter]:
    """Show it after the packet."""
    return [Formatter(NetNs, netns_text, after=("packet",))]


def netns_text(netns: NetNs, _: TextOptions) -> str:
    """Cookie, number and name, as far as they are known."""
    cookie = f"{netns.cookie:#x}/" if netns.cookie is not None else ""
    name = f" ({netns.name})" if netns.name is not None else ""
    return f"ns {cookie}{netns.inum}{name}"
