"""Packets traced by this process, with what the core knows of them: for tests of tracking."""

from __future__ import annotations

import mmap
import socket
import struct
import time
from collections import defaultdict
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracer_core.backend.abilities import LiveAbilities
from tracer_core.backend.bcc import BccBackend
from tracer_core.backend.machine import running_machine
from tracer_core.compose.compose import compose
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.events.objects import events_of
from tracer_core.filters.packet import packet_filter
from tracer_core.kernel.live import LiveKernel
from tracer_core.plan.planner import plan
from tracer_core.plan.request import Fixed, Request, parse_probe
from tracer_core.plugins.declare import declare
from tracer_core.plugins.host import Host
from tracer_core.sections import Packet
from tracer_core.testing.patience import patience
from tracer_core.types import ProbeKind
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tracer_core.backend.base import Batch, Losses
    from tracer_core.events.batch import EventBatch
    from tracer_core.plan.plan import Plan
    from tracer_core.sections import Event
    from tracer_core.testing.namespace import Namespace

ENQUEUE, TRANSMIT, TAKE, RECEIVE = (
    f"net:{name}" for name in ("net_dev_queue", "net_dev_start_xmit", "netif_rx", "netif_receive_skb")
)
CONSUME = "skb:consume_skb"
SETS, SET = 1 << 13, struct.Struct("<4Q4IQ8x8Q")  # of tracking.bpf.h

Identity = tuple[int, int]


def abilities(way: str) -> Fixed:
    """The running kernel's, but for how functions are probed.

    Args:
        way: ``fentry``, ``kprobe``, ``kprobe-multi``, ``none`` for tracepoints only, or ``best``.

    Raises:
        LookupError: it does not offer that.
    """
    live = LiveAbilities(lambda: LiveKernel().btf)
    entries, returns, cookies, multi = live.entries, live.returns, live.cookies, live.multi
    if way == "none":
        entries, returns = (), ()
    elif way != "best":
        wanted = ProbeKind.FENTRY if way == "fentry" else ProbeKind.KPROBE
        if wanted not in entries or (way == "kprobe-multi" and not (multi and cookies)):
            raise LookupError(f"this kernel does not offer {way}")
        at_return = ProbeKind.FEXIT if way == "fentry" else ProbeKind.KRETPROBE
        entries, returns, multi = (wanted,), (at_return,), way == "kprobe-multi"
    return Fixed(live.typed, entries, returns, cookies, multi)


@dataclass
class Tracing:
    """A run of collectors ``skb`` and ``skb_tracking``.

    Attributes:
        plan: What is attached.
        events: Read so far.
        losses: When it has ended.
    """

    plan: Plan
    backend: BccBackend
    decoder: ColumnDecoder
    table: mmap.mmap
    events: list[Event] = field(default_factory=list)
    losses: Losses | None = None
    _batches: list[Batch] = field(default_factory=list)

    def read(self) -> None:
        """Take what is in the ring; it is decoded later."""
        self._batches.append(self.backend.read())

    def columns(self) -> EventBatch:
        """Take what is in the ring, as columns; no objects are made of it."""
        return self.decoder.decode(self.backend.read())

    def decode(self) -> None:
        """Make events of all that was read."""
        for batch in self._batches:
            self.events += events_of(self.decoder.decode(batch))
        self._batches.clear()

    def wait_for(self, symbol: str, payload: bytes, count: int = 1) -> list[Event]:
        """Wait for events at a place of packets that hold some bytes."""
        deadline = time.monotonic() + patience(10)
        while True:
            self.read()
            self.decode()
            found = [event for event in self.holding(payload) if event.probe.symbol == symbol]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, f"{len(found)} events of {symbol}, not {count}"
            time.sleep(0.01)

    def holding(self, payload: bytes) -> list[Event]:
        """Events of packets that hold some bytes."""
        return [event for event in self.events if payload in packet(event)]

    @property
    def known(self) -> dict[int, Identity]:
        """The table of tracked packets."""
        return known(self.table)


def known(table: mmap.mmap) -> dict[int, Identity]:
    """What is in the table of tracked packets: by address, when and where each was first seen."""
    found: dict[int, Identity] = {}
    for at in range(SETS):
        values = SET.unpack_from(table, at * SET.size)
        heads, packets = values[:4], values[9:]
        found |= {head: (packets[2 * way], packets[2 * way + 1]) for way, head in enumerate(heads) if head}
    return found


@contextmanager
def tracing(
    *probes: str, namespaces: Iterable[Namespace], way: str = "best", filters: Sequence[str] = (), follow: bool = False
) -> Iterator[Tracing]:
    """Trace around a block.

    Args:
        probes: As for ``-p``.
        namespaces: Whose packets.
        way: As for :func:`abilities`.
        filters: As for ``-f``.
        follow: As for ``--follow-stack``.
    """
    kernel, machine = LiveKernel(), running_machine()
    names = ("skb", "skb_tracking")
    declarations = [declare(collector, kernel, collector.spec.options()) for collector in map(Host().collector, names)]
    inodes = tuple(namespace.inode for namespace in namespaces)
    request = Request(
        tuple(map(parse_probe, probes)),
        inodes,
        abilities(way),
        filter=packet_filter(filters) if filters else None,
        follow_stack=follow,
    )
    made = plan(declarations, request, kernel)
    with ExitStack() as resources:
        backend = resources.enter_context(BccBackend(machine))
        backend.compile(made, compose(made, kernel, machine))
        backend.load()
        backend.attach()
        backend.enable()
        fd = backend._compiled.maps["tracer_tracking"]
        table = resources.enter_context(mmap.mmap(fd, SETS * SET.size))
        run = Tracing(made, backend, ColumnDecoder(made, declarations), table)
        yield run
        backend.disable()
        run.read()
        run.decode()
        backend.detach()
        run.losses = backend.losses()


def identity(event: Event) -> Identity | None:
    """Which packet the core says it is."""
    section = event.get(SkbTracking)
    return (section.timestamp, section.orig_head) if section else None


def skb(event: Event) -> int:
    """Address of the skb."""
    section = event.get(SkbTracking)
    assert section
    return section.skb


def packet(event: Event) -> bytes:
    """What was captured."""
    section = event.get(Packet)
    return section.data if section else b""


Sightings = tuple[dict[bytes, set[Identity | None]], dict[Identity, set[bytes]]]


def sightings(events: Iterable[Event], mark: bytes) -> Sightings:
    """Identities by packet, and packets by identity: of packets that hold a mark, followed by a number of 8 bytes."""
    return _sightings((event, packet(event).partition(mark)[2][:8]) for event in events)


def _sightings(found: Iterable[tuple[Event, bytes]]) -> Sightings:
    by_packet: dict[bytes, set[Identity | None]] = defaultdict(set)
    by_identity: dict[Identity, set[bytes]] = defaultdict(set)
    for event, number in found:
        if number:
            which = identity(event)
            by_packet[number].add(which)
            if which:
                by_identity[which].add(number)
    return by_packet, by_identity


class Traffic:
    """Datagrams with numbers, from one namespace to another."""

    def __init__(self, source: Namespace, target: Namespace, mark: bytes) -> None:
        self._mark = mark
        with target.entered():
            self.receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.receiver.bind((target.ipv4, 0))
        with source.entered():
            self.sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sender.connect(self.receiver.getsockname())

    def __enter__(self) -> Traffic:
        return self

    def __exit__(self, *_: object) -> None:
        self.receiver.close()
        self.sender.close()

    def send(self, number: int, size: int) -> None:
        """Send one of at least that many bytes, and take it."""
        self.sender.send((self._mark + number.to_bytes(8, "little")).ljust(size, b"."))
        self.receiver.recv(65536)
