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
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # bench is not installed

from bench.synthetic.file import write
from bench.synthetic.records import Device, Identity, Netns, flood, make_plan, polls

from tracer_core.backend.ring import walk
from tracer_core.decode.columns import ColumnDecoder
from tracer_core.files.arrow.reader import ArrowEventsReader
from tracer_core.sections import Packet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tracer_core.backend.base import Batch
    from tracer_core.plan.plan import Plan

READ = 100_000  # events to read back
TARGET_CPU = 0.8  # µs per event, decode and write
TARGET_SIZE = 30.0  # bytes per event
PACKETS = {"equal": (106,), "of 4 sizes": (66, 106, 242, 1242)}  # bytes


SECTIONS: dict[str, tuple[type[Any], ...]] = {"packet": (Packet,), "4 sections": (Identity, Packet, Device, Netns)}


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


def decode(plan: Plan, batches: Sequence[Batch]) -> None:
    """Make columns."""
    decoder = ColumnDecoder(plan, ())
    for batch in batches:
        decoder.decode(batch)


def read(path: Path) -> None:
    """Make events again, not all of them."""
    with ArrowEventsReader(path, (Packet, Identity, Device, Netns)) as reader:
        for _ in itertools.islice(reader, READ):
            pass


if __name__ == "__main__":
    sys.exit(main())
