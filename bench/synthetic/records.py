"""Records of a flood of packets, made up with the layout that programs write: nothing needs a kernel or privileges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np

from tracer_core.backend.base import Batch
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe, PlannedSection
from tracer_core.sections import Header
from tracer_core.types import Probe
from tracer_core.wire import BLOB_STEP, U32, U64, Chars, layout_of, section

if TYPE_CHECKING:
    from collections.abc import Sequence

Values = np.ndarray[Any, np.dtype[Any]]

POLL = 16_384  # records that a reader of the ring finds at once
_ETHERNET = "0242c0000202 0242c0000201 0800"
UDP = bytes.fromhex(f"{_ETHERNET} 4500005c000140004011f6df c0000201c0000202 c3501389004800f7")
TCP = bytes.fromhex(
    f"{_ETHERNET} 4500005c00014000400600ea c0000201c0000202"
    "c3501389 00000001 00000002 8018 01f6 0000 0000 0101 080a 0000000b 00000016"
)


@section("skb-tracking")
class Identity(NamedTuple):
    """Which packet it is."""

    orig_head: U64
    timestamp: U64
    skb: U64


@section("device")
class Device(NamedTuple):
    """Where it is."""

    name: Annotated[bytes, Chars(16)]
    ifindex: U32
    rx_ifindex: U32


@section("netns")
class Netns(NamedTuple):
    """In which network namespace."""

    cookie: U64
    inum: U32


def make_plan(classes: Sequence[type[Any]], probes: int) -> Plan:
    """A plan of these sections, with one or two tracepoints."""
    sections, shift = [], 0
    for layout in map(layout_of, classes):
        sections.append(PlannedSection(layout, shift))
        shift += layout.bits
    names = ("net:netif_receive_skb", "net:net_dev_start_xmit")[:probes]
    planned = [PlannedProbe(Probe.tracepoint(name), Prototype((), "void", "", 0), 0) for name in names]
    return Plan("bench", (), (), (), tuple(sections), (), tuple(planned), ())


def flood(plan: Plan, count: int, lengths: Sequence[int], templates: Sequence[bytes] = (UDP,)) -> bytes:
    """What the ring would hold: every packet passes all probes; their numbers count up, buffers come from a pool.

    Args:
        plan: Whose records they are.
        count: Of events.
        lengths: Of packets, in bytes; each is as likely.
        templates: What packets begin with, in turns.
    """
    random = np.random.default_rng(1)
    packet = np.arange(count) // len(plan.probes)
    length = np.array(lengths)[random.integers(0, len(lengths), count)[packet]]
    captured = np.minimum(length, 255)
    times = 5_495_384_496_943 + np.cumsum(random.normal(900, 150, count).clip(200, 5000).astype(np.int64))
    buffer = random.integers(0, 64, count)[packet]
    frames = frame(packet, templates)
    values: dict[str, Any] = {
        "header.timestamp": times,
        "header.pid": 1977,
        "header.tgid": 1977,
        "header.comm": b"flood",
        "header.probe": np.arange(count) % len(plan.probes),
        "packet.len": length,
        "packet.capture_len": captured,
        "skb-tracking.orig_head": np.uint64(0xFFFF_8881_2000_0000)
        + random.permutation(4096)[buffer].astype(np.uint64) * 704,
        "skb-tracking.skb": np.uint64(0xFFFF_8881_0000_0000) + random.permutation(4096)[buffer].astype(np.uint64) * 256,
        "skb-tracking.timestamp": times[packet * len(plan.probes)] + 350,
        "device.name": b"veth0",
        "device.ifindex": 2,
        "netns.cookie": 4097,
        "netns.inum": 4026532001,
    }
    kinds = {int(size): np.flatnonzero(captured == size) for size in np.unique(captured)}
    types = {size: record_type(plan, size) for size in kinds}
    sizes = np.zeros(count, np.int64)
    for size, rows in kinds.items():
        sizes[rows] = types[size][0].itemsize
    starts = np.cumsum(sizes) - sizes
    ring = np.zeros(int(sizes.sum()), np.uint8)
    for size, rows in kinds.items():
        dtype, mask = types[size]
        records = np.zeros(len(rows), dtype)
        records["length"] = dtype.itemsize - 8
        records["header.present"] = mask
        for name in values.keys() & set(dtype.names or ()):
            value = values[name]
            records[name] = value[rows] if isinstance(value, np.ndarray) else value
        records["data"][:, :size] = frames[rows][:, :size]
        blocks: Values = np.ndarray((len(ring) - dtype.itemsize) // 8 + 1, f"V{dtype.itemsize}", ring, 0, (8,))
        blocks[starts[rows] // 8] = records.view(f"V{dtype.itemsize}")
    return ring.tobytes()


def frame(packet: Values, templates: Sequence[bytes]) -> Values:
    """The bytes of packets, by their numbers, which are in the IP header."""
    kinds = np.array([np.frombuffer(template.ljust(256, b"x"), np.uint8) for template in templates])
    frames: Values = kinds[packet % len(templates)]
    checksum = (0xF6DF - packet) & 0xFFFF
    for at, value in ((18, packet >> 8), (19, packet), (24, checksum >> 8), (25, checksum)):
        frames[:, at] = value & 0xFF
    return frames


def record_type(plan: Plan, captured: int) -> tuple[np.dtype[Any], int]:
    """The numpy type of a record with that much of a packet, with the 8 bytes of the ring before it; and its mask."""
    fields: dict[str, tuple[Any, int]] = {"length": ("<u4", 0)}
    at, mask, steps = 8, 0, -(-captured // BLOB_STEP)
    for layout, shift in ((layout_of(Header), None), *((s.layout, s.shift) for s in plan.sections)):
        for name, (kind, offset) in layout.dtype_fields().items():
            fields[f"{layout.name}.{name}"] = (kind, at + offset)
        at += layout.size
        if layout.blob:
            fields["data"] = (("u1", (steps * BLOB_STEP,)), at)
            at += steps * BLOB_STEP
        if shift is not None:
            mask |= (1 | (steps << 1 if layout.blob else 0)) << shift
    formats, offsets = zip(*fields.values(), strict=True)
    return np.dtype({"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": at}), mask


def polls(ring: bytes, offsets: Values) -> list[Batch]:
    """The records as a reader of the ring would hand them over, some at a time."""
    ends = (*(offsets[POLL::POLL] - 8).tolist(), len(ring))
    batches, start = [], 0
    for number, end in enumerate(ends):
        some = offsets[number * POLL : (number + 1) * POLL]
        batches.append(Batch(ring[start:end], some - start))
        start = end
    return batches
