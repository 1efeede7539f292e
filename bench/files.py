#!/usr/bin/env python3
"""What an event costs on its way from the bytes of the ring to an Arrow file: CPU, and room on disk.

    python bench/files.py [--events N] [--rounds N] [--target FOLDER]

Records of a flood of UDP packets are made up, with the layout that programs write, in batches of 16,384. *walk* is
finding them in the ring, *decode* making columns, *write* making Arrow of those, compressing, and writing; *read* is
getting events as objects back from the file. CPU time of this process, in µs per event; medians. Needs no privileges.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np

from tracer_core.backend.base import Batch
from tracer_core.backend.ring import walk
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.decode.decoder import probe_info
from tracer_core.files.about import about_run
from tracer_core.files.arrow import ROWS, ArrowEvents
from tracer_core.files.arrow_read import ArrowEventsReader
from tracer_core.files.arrow_schema import is_arrow_events
from tracer_core.files.target import open_target
from tracer_core.kernel.view import Prototype
from tracer_core.plan.plan import Plan, PlannedProbe, PlannedSection
from tracer_core.sections import Header, Packet
from tracer_core.types import Probe
from tracer_core.wire import BLOB_STEP, U32, U64, Chars, layout_of, section

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Values = np.ndarray[Any, np.dtype[Any]]

POLL = 16_384  # records that a reader of the ring finds at once
READ = 100_000  # events to read back
TARGET_CPU = 0.8  # µs per event, decode and write
TARGET_SIZE = 30.0  # bytes per event
FRAME = bytes.fromhex("0242c0000202 0242c0000201 0800 4500005c000140004011f6df c0000201c0000202 c3501389004800f7")
PACKETS = {"equal": (106,), "of 4 sizes": (66, 106, 242, 1242)}  # bytes


@section("tracking")
class Tracking(NamedTuple):
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


SECTIONS: dict[str, tuple[type[Any], ...]] = {"packet": (Packet,), "4 sections": (Tracking, Packet, Device, Netns)}


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians, per event: µs of CPU, and bytes."""

    record: float
    walk: float
    decode: float
    write: float
    read: float
    size: float


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument("--rounds", type=int, default=5, help="default: 5")
    parser.add_argument("--target", type=Path, help="folder for the files (default: a temporary one)")
    arguments = parser.parse_args()
    print(f"{'':36} bytes       µs of CPU per event              bytes")
    print(f"{'sections, tracepoints, packets':36} in ring     walk   decode  write  read    in file")
    good = True
    for (sections, classes), probes, (packets, lengths) in itertools.product(SECTIONS.items(), (1, 2), PACKETS.items()):
        plan = make_plan(classes, probes)
        ring = flood(plan, arguments.events, lengths)
        with tempfile.TemporaryDirectory(dir=arguments.target) as folder:
            found = measure(plan, ring, arguments.events, arguments.rounds, Path(folder, "events.arrow"))
        print(
            f"{f'{sections}, {probes}, {packets}':36} {found.record:7.0f}"
            f"  {found.walk:7.3f}  {found.decode:7.3f}{found.write:7.3f}{found.read:7.2f} {found.size:9.1f}"
        )
        if packets == "equal":
            good = good and found.decode + found.write <= TARGET_CPU and found.size <= TARGET_SIZE
    target = f"decode and write {TARGET_CPU} µs, {TARGET_SIZE:.0f} bytes"
    print(f"target, of equal packets: {target}: {'met' if good else 'missed'}")
    return 0


def make_plan(classes: Sequence[type[Any]], probes: int) -> Plan:
    """A plan of these sections, with one or two tracepoints."""
    sections, shift = [], 0
    for layout in map(layout_of, classes):
        sections.append(PlannedSection(layout, shift))
        shift += layout.bits
    names = ("net:netif_receive_skb", "net:net_dev_start_xmit")[:probes]
    planned = [PlannedProbe(Probe.tracepoint(name), Prototype((), "void", "", 0), 0) for name in names]
    return Plan("bench", (), (), (), tuple(sections), (), tuple(planned), ())


def flood(plan: Plan, count: int, lengths: Sequence[int]) -> bytes:
    """What the ring would hold: every packet passes all probes; their numbers count up, buffers come from a pool."""
    random = np.random.default_rng(1)
    packet = np.arange(count) // len(plan.probes)
    length = np.array(lengths)[random.integers(0, len(lengths), count)[packet]]
    captured = np.minimum(length, 255)
    times = 5_495_384_496_943 + np.cumsum(random.normal(900, 150, count).clip(200, 5000).astype(np.int64))
    buffer = random.integers(0, 64, count)[packet]
    frames = frame(packet)
    values: dict[str, Any] = {
        "header.timestamp": times,
        "header.pid": 1977,
        "header.tgid": 1977,
        "header.comm": b"flood",
        "header.probe": np.arange(count) % len(plan.probes),
        "packet.len": length,
        "packet.capture_len": captured,
        "tracking.orig_head": np.uint64(0xFFFF_8881_2000_0000)
        + random.permutation(4096)[buffer].astype(np.uint64) * 704,
        "tracking.skb": np.uint64(0xFFFF_8881_0000_0000) + random.permutation(4096)[buffer].astype(np.uint64) * 256,
        "tracking.timestamp": times[packet * len(plan.probes)] + 350,
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


def frame(packet: Values) -> Values:
    """The bytes of packets, by their numbers, which are in the IP header."""
    frames = np.tile(np.frombuffer(FRAME.ljust(256, b"x"), np.uint8), (len(packet), 1))
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
            del fields[f"{layout.name}.data"]
            fields["data"] = (("u1", (steps * BLOB_STEP,)), at)
            at += steps * BLOB_STEP
        if shift is not None:
            mask |= (1 | (steps << 1 if layout.blob else 0)) << shift
    formats, offsets = zip(*fields.values(), strict=True)
    return np.dtype({"names": list(fields), "formats": formats, "offsets": offsets, "itemsize": at}), mask


def measure(plan: Plan, ring: bytes, events: int, rounds: int, path: Path) -> Measured:
    """Do all that some times."""
    times: dict[str, list[float]] = {"walk": [], "decode": [], "write": [], "read": []}

    def timed(name: str, work: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - what the work gives
        start = time.process_time()
        result = work(*arguments)
        times[name].append(time.process_time() - start)
        return result

    for _ in range(rounds):
        _, offsets = timed("walk", walk, memoryview(ring).cast("I"), 0, len(ring))
        batches = polls(ring, offsets)
        timed("decode", decode, plan, batches)
        timed("write", write, plan, batches, path)
        timed("read", read, path)
    per_event = {name: statistics.median(values) / events * 1e6 for name, values in times.items()}
    per_event["write"] -= per_event["decode"]  # it decodes, too
    per_event["read"] *= events / min(READ, events)
    return Measured(record=len(ring) / events, size=path.stat().st_size / events, **per_event)


def polls(ring: bytes, offsets: Values) -> list[Batch]:
    """The records as a reader of the ring would hand them over, some at a time."""
    ends = (*(offsets[POLL::POLL] - 8).tolist(), len(ring))
    batches, start = [], 0
    for number, end in enumerate(ends):
        some = offsets[number * POLL : (number + 1) * POLL]
        batches.append(Batch(ring[start:end], some - start))
        start = end
    return batches


def decode(plan: Plan, batches: Sequence[Batch]) -> None:
    """Make columns."""
    decoder = ColumnDecoder(plan, ())
    for batch in batches:
        decoder.decode(batch)


def write(plan: Plan, batches: Sequence[Batch], path: Path) -> None:
    """Make a file."""
    probes = [probe_info(probe) for probe in plan.probes]
    with open_target(path, is_arrow_events) as target:
        file = ArrowEvents(target, about_run(sys.argv, probes, {}, {}), plan, ())
        for batch in batches:
            file.add(batch)
            if file.pending >= ROWS:
                file.flush()
        file.end({})


def read(path: Path) -> None:
    """Make events again, not all of them."""
    with ArrowEventsReader(path, (Packet, Tracking, Device, Netns)) as reader:
        for _ in itertools.islice(reader, READ):
            pass


if __name__ == "__main__":
    sys.exit(main())
