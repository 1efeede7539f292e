#!/usr/bin/env python3
"""Millions of packets of many kinds, and whether ``tracer collect`` says rightly which is which.

    make soak
    python scripts/soak.py [--packets N] [-f EXPRESSION] [--probe PROBE]...

Makes two network namespaces. A sender on each of two processors sends to the other one: datagrams over IPv4 and IPv6,
small and in fragments; segments of TCP, made by the kernel in software and not; pings; clones for packet sockets, for
groups and by ``tc``, where it is offered. Each packet has its own number in its bytes. While ``tracer collect`` writes
events to a pipe, this reads them: no two numbers may have one identity, and no number two. Afterwards the table of
tracked packets must be empty, memory must have stayed as it was, and nothing may be left in the kernel. Events that
were lost are counted, and prove nothing.

Needs root. Exit code 1 if something was wrong.
"""

from __future__ import annotations

import argparse
import mmap
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # tests are not installed

from tests.programs import held_programs, map_named, our_programs
from tests.soak.senders import mirror, retransmitted, sending
from tests.soak.stream import follow
from tests.soak.truth import Truth
from tests.tracking import ENQUEUE, RECEIVE, SET, SETS, TAKE, TRANSMIT, known

from tracer_core.testing.command import Collecting, Tracer, executable
from tracer_core.testing.netns import remove_leftovers, two_namespaces
from tracer_core.testing.patience import patience

if TYPE_CHECKING:
    from collections.abc import Callable

    from tracer_core.testing.netns import TwoNamespaces

PREFIX = "tracer-soak"
PLACES = tuple(f"tp:{name}" for name in (ENQUEUE, TRANSMIT, TAKE, RECEIVE))
PACKETS = 5_000_000
PUT_OFF = 64  # packets that each processor may free later
GROWTH = 16  # MB that memory may differ between the second and the last quarter of a run
_LOOK = 0.2  # seconds between looks at memory
_TELLING = 40  # seconds: memory grows for ten, until buffers have their sizes


@dataclass
class Soak:
    """What happened.

    Attributes:
        truth: Has taken the events.
        lost: Events, by probe.
        seconds: While packets were sent.
        resident: MB of the processes of ``tracer``, from time to time meanwhile.
        retransmitted: Segments.
        mirrored: Whether there were clones at another device, too.
        left: Packets in the table after all was over.
        wrong: What must not be.
    """

    truth: Truth
    lost: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    resident: list[float] = field(default_factory=list)
    retransmitted: int = 0
    mirrored: bool = False
    left: int = 0
    wrong: list[str] = field(default_factory=list)

    def grown(self) -> float:
        """MB between the second and the last quarter; 0 if it did not take long enough to tell."""
        early, late = self.memory()
        return late - early if self.seconds > _TELLING else 0.0

    def memory(self) -> tuple[float, float]:
        """MB in the second and in the last quarter."""
        count = len(self.resident)
        second, last = self.resident[count // 4 : count // 2 + 1], self.resident[-(count // 4) - 1 :]
        return statistics.median(second), statistics.median(last)


def main() -> int:
    """Run it, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packets", type=int, default=PACKETS, help=f"to send, default: {PACKETS}")
    parser.add_argument("-f", "--filter", action="append", default=[], metavar="EXPRESSION", help="for tracer collect")
    parser.add_argument("--probe", action="append", default=[], metavar="PROBE", help=f"default: {' '.join(PLACES)}")
    arguments = parser.parse_args()
    if os.geteuid() != 0:
        print("not run: tracing needs root")
        return 0
    remove_leftovers(PREFIX)
    before = our_programs()
    with two_namespaces(PREFIX) as two, tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as folder:
        options = [word for probe in arguments.probe or PLACES for word in ("-p", probe)]
        options += [word for text in arguments.filter for word in ("-f", text)]
        options += [word for end in two.namespaces for word in ("--netns", end.name)]
        soak = soaked(two, Path(folder), arguments.packets, options)
    if not until(lambda: not our_programs() - before - held_programs(), 10):
        soak.wrong.append("programs are left in the kernel")
    report(soak, arguments.packets)
    return 1 if soak.wrong else 0


def soaked(two: TwoNamespaces, folder: Path, packets: int, options: list[str]) -> Soak:
    """Trace the traffic, and look at all that can be wrong."""
    tag = random.randrange(1, 1 << 16)  # noqa: S311 - not for secrets
    soak, pipe = Soak(Truth(tag)), folder / "events.arrow"
    soak.mirrored = mirror(two)
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: soak.lost.update(follow(pipe, soak.truth)))
    reader.start()
    with Tracer(executable(), folder).collect("-c", "skb,skb_tracking", "-o", str(pipe), *options) as collecting:
        table = mmap.mmap(descriptor := map_named("tracer_tracking"), SETS * SET.size)
        os.close(descriptor)
        start = time.monotonic()
        with sending(two, tag, packets) as senders:
            while any(sender.poll() is None for sender in senders):
                soak.resident.append(resident(collecting))
                time.sleep(_LOOK)
        soak.seconds = time.monotonic() - start
        most = PUT_OFF * (os.cpu_count() or 1)
        until(lambda: stirred(two) and not known(table), patience(5))
        soak.left = len(known(table))
        table.close()
    reader.join()
    soak.retransmitted = retransmitted(two)
    soak.wrong += soak.truth.judge().wrong(soak.retransmitted)
    found = {
        f"the senders ended with {[sender.returncode for sender in senders]}": any(s.returncode for s in senders),
        f"tracer ended with {collecting.exit_code}: {collecting.stderr}": collecting.exit_code != 0,
        f"{soak.left} packets are left in the table, more than {most}": soak.left > most,
        f"memory grew by {soak.grown():.0f} MB": soak.grown() > GROWTH,
        "no packet with a number was seen": not soak.truth.counts.packets,
    }
    soak.wrong += [text for text, is_so in found.items() if is_so]
    return soak


def stirred(two: TwoNamespaces) -> bool:
    """Have processors do what they put off."""
    two.run(two.a, ["ping", "-q", "-c", "1", "-W", "20", two.b.ipv4])
    return True


def resident(collecting: Collecting) -> float:
    """MB of memory that the command and its children have."""
    path = Path(f"/proc/{collecting.process.pid}")
    children = (path / f"task/{collecting.process.pid}/children").read_text().split()
    pages = 0
    for process in (path.name, *children):
        try:
            pages += int(Path(f"/proc/{process}/statm").read_text().split()[1])
        except OSError:
            continue  # gone
    return pages * mmap.PAGESIZE / 1e6


def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def report(soak: Soak, packets: int) -> None:
    """Print figures, then what was wrong."""
    counts, lost = soak.truth.counts, sum(soak.lost.values())
    print(f"Linux {os.uname().release}, {os.cpu_count()} processors; sent by number: {packets:,}")
    print(
        f"clones for packet sockets and groups{', and by tc mirred' if soak.mirrored else '; tc mirred is not offered'}"
    )
    print(f"packets with a number and an identity: {counts.packets:,}")
    print(f"events: {counts.events:,}, of these with a number {counts.numbered:,}; lost: {lost:,}")
    print(f"seconds: {soak.seconds:.1f}; segments sent again: {soak.retransmitted}")
    print(f"two numbers under one identity: {counts.merged}; two identities of one number: {counts.split}")
    print(f"of a segment: {counts.split_segments}; events without an identity: {counts.unknown}")
    print(f"packets left in the table: {soak.left}")
    print("memory of tracer, MB, in the second and in the last quarter: {:.0f}, {:.0f}".format(*soak.memory()))
    for text in soak.wrong:
        print(f"WRONG: {text}")


if __name__ == "__main__":
    sys.exit(main())
