"""Collector ``ovs``: packets through the datapath of Open vSwitch, and through its process and back."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tracer_core.api import (
    CollectorSpec,
    Decoder,
    Formatter,
    Fragment,
    Getter,
    Kernel,
    Probe,
    Session,
    Unavailable,
    hookimpl,
    option,
)
from tracer_ovs import kernel as facts
from tracer_ovs import places
from tracer_ovs.enrich.sections import OvsDetrace, lookup_for
from tracer_ovs.enrich.text import detrace_text
from tracer_ovs.joins import JOINS
from tracer_ovs.places import DAEMON
from tracer_ovs.sections import Ovs, OvsPort, OvsUpcall
from tracer_ovs.text import ovs_text, port_text, upcall_text

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager


@dataclass(frozen=True)
class OvsOptions:
    """How far packets are followed, and what is asked about their flows."""

    track: bool = option(False, help="Follow packets through ovs-vswitchd, which must have USDT probes.")
    enrich_flows: bool = option(False, help="Ask ovs-vswitchd for details of flows: their text and OpenFlow rules.")
    enrich_rate: int = option(20, help="Flows that ovs-vswitchd is asked for in a second, at most.")
    pid: int = option(0, help="PID of the ovs-vswitchd that is meant, if there are several; 0 if there is one.")

    @property
    def process(self) -> str | int:
        """The process that is meant."""
        return self.pid or DAEMON

    @property
    def followed(self) -> str | int | None:
        """That through which packets are followed, if they are."""
        return self.process if self.track else None


@hookimpl
def tracer_collector() -> CollectorSpec:
    """Say who we are."""
    summary = "Packets through Open vSwitch: its datapath and, with --ovs-track, its process."
    return CollectorSpec(
        "ovs",
        summary,
        options=OvsOptions,
        sections=(Ovs, OvsPort, OvsUpcall, OvsDetrace),
        joins=JOINS,
        lookups=(lookup_for(Ovs),),
    )


@hookimpl
def tracer_check(kernel: Kernel) -> Unavailable | None:
    """Need the datapath and its types."""
    return facts.unavailable(kernel)


@hookimpl
def tracer_probes(options: OvsOptions) -> Iterable[Probe]:
    """Look at all that the datapath does; at the border and beyond it if packets are followed there."""
    return places.probes(options.followed)


@hookimpl
def tracer_fragments(kernel: Kernel, options: OvsOptions) -> Iterable[Fragment | Getter]:
    """Report at our probes, each of which is one step."""
    return places.fragments(kernel, options.followed)


@hookimpl
def tracer_decoders(kernel: Kernel) -> Iterable[Decoder]:
    """Give actions their names."""
    from tracer_ovs.decode import OvsDecoder  # noqa: PLC0415 - numpy takes its time, and --help needs none

    return [Decoder(Ovs, OvsDecoder(kernel).decode)]


@hookimpl
def tracer_formatters() -> list[Formatter]:
    """Show it after the packet, on one line."""
    return [
        Formatter(Ovs, ovs_text, after=("packet", "skb")),
        Formatter(OvsPort, port_text, after=("ovs",), beside="ovs"),
        Formatter(OvsUpcall, upcall_text, after=("ovs", "ovs-port"), beside="ovs"),
        Formatter(OvsDetrace, detrace_text, after=("ovs",)),
    ]


@hookimpl
def tracer_session(session: Session) -> AbstractContextManager[None]:
    """Ask the process about flows, if the user wants that."""
    options: OvsOptions = session.options
    if not options.enrich_flows:
        return nullcontext()
    from tracer_ovs.enrich.enricher import enriched  # noqa: PLC0415 - numpy takes its time, and --help needs none

    return enriched(session, Ovs, options.enrich_rate, options.process)
