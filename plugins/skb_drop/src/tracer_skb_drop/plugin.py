"""Collector ``skb_drop``: why packets are dropped."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, NamedTuple

from tracer_core.api import (
    U16,
    U32,
    BpfSource,
    CollectorSpec,
    Columns,
    Decoder,
    Formatter,
    Fragment,
    Kernel,
    Place,
    Probe,
    ProfileSource,
    Session,
    Style,
    Tally,
    TextOptions,
    Unavailable,
    hookimpl,
    recorded,
    section,
)
from tracer_skb_drop.reasons import CORE, ENUMS, reason_names, subsystem_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_HINT = "leave skb_drop out of -c"
_DROPPED = Probe.tracepoint("skb:kfree_skb")


@section("skb-drop")
class SkbDrop(NamedTuple):
    """Why a packet is dropped."""

    subsys: Annotated[str, recorded(U16)] | None
    """Whose reason it is: openvswitch, mac80211_unusable, …; missing for the network stack itself."""
    drop_reason: Annotated[str, recorded(U32)]
    """The reason, by the name that the kernel has for it."""


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    summary, reasons = "Why packets are dropped.", Tally(SkbDrop, ("subsys", "drop_reason"), "dropped")
    return CollectorSpec("skb_drop", summary, api=(1, 1), sections=(SkbDrop,), tallies=(reasons,))


@hookimpl
def tracer_profiles() -> list[ProfileSource]:
    """Ship what Retis calls ``dropmon``."""
    return [ProfileSource.resource("tracer_skb_drop", "profiles/dropmon.yaml")]


@hookimpl
def tracer_check(kernel: Kernel) -> Unavailable | None:
    """Where reasons exist, the tracepoint must say them."""
    dropped = kernel.tracepoint("kfree_skb")
    if dropped is None:
        return Unavailable("this kernel has no tracepoint skb:kfree_skb", _HINT)
    if kernel.enum(CORE) is not None and dropped.index_of(f"enum {CORE}") is None:
        return Unavailable("skb:kfree_skb does not say the reasons that this kernel has", _HINT)
    return None


@hookimpl
def tracer_probes() -> Iterable[Probe]:
    """Where most packets are dropped."""
    return [_DROPPED]


@hookimpl
def tracer_fragments(kernel: Kernel) -> Iterable[Fragment]:
    """Run wherever a reason is given; where there are none, where packets are dropped."""
    known = [name for name in ENUMS if kernel.enum(name) is not None]
    defines = {f"SKB_DROP_{name.upper()}": int(name in known) for name in ENUMS}
    source = BpfSource.resource("tracer_skb_drop", "bpf/skb_drop.bpf.c", **defines)
    for name in known:
        yield Fragment(f"skb_drop_collect_{name}", source, needs=(f"enum {name}",), emits=(SkbDrop,))
    if CORE not in known:
        where = (_DROPPED,)
        yield Fragment("skb_drop_unspecified", source, needs=("struct sk_buff *",), emits=(SkbDrop,), probes=where)


@hookimpl
def tracer_decoders(kernel: Kernel) -> Iterable[Decoder]:
    """Give reasons and subsystems their names."""
    subsystem, reason = subsystem_names(kernel), reason_names(kernel)

    def decode(columns: Columns) -> Columns:
        from tracer_core.api import Labels  # noqa: PLC0415 - only runs decode

        subsys, drop_reason = (columns[name] for name in SkbDrop._fields)
        return {"subsys": Labels.of(subsys, subsystem), "drop_reason": Labels.of(drop_reason, reason)}

    return [Decoder(SkbDrop, decode)]


@hookimpl
def tracer_formatters() -> Iterable[Formatter]:
    """Show it on the first line of the event, last."""
    after = ("skb-tracking", "tracking", "return")
    return [Formatter(SkbDrop, skb_drop_text, place=Place.HEAD, after=after, style=Style.TROUBLE)]


@hookimpl
@contextmanager
def tracer_session(session: Session) -> Iterator[None]:
    """Say so where the kernel has no reasons."""
    if session.kernel.enum(CORE) is None:
        session.log.warning("this kernel gives no reasons for dropping packets")
    yield


def skb_drop_text(drop: SkbDrop, _: TextOptions) -> str:
    """The reason, and whose it is."""
    return f"drop (reason {f'{drop.subsys}/' if drop.subsys else ''}{drop.drop_reason})"
