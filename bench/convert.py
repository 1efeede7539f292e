#!/usr/bin/env python3
"""How long it takes to make text and other files of a million events, and how much memory.

    python bench/convert.py [--events N] [--rounds N] [--target FOLDER]

Events of UDP and TCP packets, in turns, at two tracepoints, with the packet and with which packet it is, are made up
and written as Arrow. Then the commands are run as users run them: *print* to a file, *convert* from and to all formats,
and *pcap*. Seconds of wall clock and MB at most, medians of the rounds; everything is run in turns, so that a slow
minute of the machine slows all. Beside it, two others: *copy* writes the JSON file again, a line at a time, in Python,
and *retis* is the library of PyPI that reads it and makes the multi-line text of its events, where it is installed.
Needs no privileges.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # bench is not installed

from bench.synthetic.file import write
from bench.synthetic.records import TCP, UDP, flood, make_plan, polls

from tracer_core.backend.ring import walk
from tracer_core.sections import Packet
from tracer_core.testing.command import executable
from tracer_skb_tracking.plugin import SkbTracking

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TARGETS = {"print --format single-line": 8.0, "convert arrow json": 8.0, "sort arrow arrow": 6.0, "pcap of arrow": 12.0}
"""Seconds for a million events."""
_COPY = "import sys\nfor line in sys.stdin.buffer: sys.stdout.buffer.write(line)"
_RETIS = "import sys, retis\nfor event in retis.EventReader(sys.argv[1]): print(event, end='\\n\\n')"


class Work(NamedTuple):
    """A command, and the files that its input and its output are."""

    argv: Sequence[str]
    stdin: Path | None = None
    stdout: Path | None = None


class Measured(NamedTuple):
    """Of one run: wall clock, CPU, and memory at most."""

    seconds: float
    cpu: float
    megabytes: float


def main() -> int:
    """Measure, and print a table.

    Returns:
        1 if a target is missed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1_000_000, help="default: 1000000")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--target", type=Path, help="folder for the files (default: a temporary one)")
    parser.add_argument("--make", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.make:
        make(arguments.make, arguments.events)
        return 0
    with tempfile.TemporaryDirectory(dir=arguments.target) as name:
        folder = Path(name)
        # by another process: what this one has held would count as its children's
        again = (sys.executable, __file__, "--events", str(arguments.events), "--make", str(folder / "events.arrow"))
        subprocess.run(again, check=True)
        works = commands(folder)
        found: dict[str, list[Measured]] = {work: [] for work in works}
        for _ in range(arguments.rounds):
            for work, command in works.items():
                found[work].append(measure(command))
        return report(found, arguments.events)


def make(path: Path, events: int) -> None:
    """The file that all others are made of."""
    plan = make_plan((Packet, SkbTracking), 2)
    ring = flood(plan, events, (106,), (UDP, TCP))
    _, offsets = walk(memoryview(ring).cast("I"), 0, len(ring))
    write(plan, polls(ring, offsets), path)


def commands(folder: Path) -> dict[str, Work]:
    """What is measured, in the order in which it must be done."""
    tracer, text = str(executable()), folder / "text"
    files = {kind: folder / f"events.{kind}" for kind in ("arrow", "json", "parquet")}
    found = {}
    for layout in ("single-line", "multi-line"):
        argv = (tracer, "print", "--format", layout, str(files["arrow"]))
        found[f"print --format {layout}"] = Work(argv, stdout=text)
    for source, target in (("arrow", "json"), ("arrow", "parquet"), ("parquet", "json"), ("json", "arrow")):
        output = files[target] if source == "arrow" else folder / f"again.{target}"
        found[f"convert {source} {target}"] = Work((tracer, "convert", str(files[source]), str(output)))
        if output == files["parquet"]:
            found["stats of parquet"] = Work((tracer, "stats", str(output)), stdout=text)
    for name, more in {"pcap": (), "pcap -p, half,": ("-p", "net:netif_receive_skb")}.items():
        found[f"{name} of arrow"] = Work((tracer, "pcap", str(files["arrow"]), "-o", str(folder / "pcapng"), *more))
    for target in ("arrow", "json"):
        output = folder / f"sorted.{target}"
        found[f"sort arrow {target}"] = Work((tracer, "sort", str(files["arrow"]), "-o", str(output)))
    json_lines = ("print", "--format", "single-line", str(files["json"]))
    found["print --format single-line, of json"] = Work((tracer, *json_lines), stdout=text)
    found["copy of json"] = Work((sys.executable, "-c", _COPY), files["json"], text)
    if find_spec("retis"):
        found["retis, multi-line, of json"] = Work((sys.executable, "-c", _RETIS, str(files["json"])), stdout=text)
    return found


def measure(work: Work) -> Measured:
    """Run a command."""
    with (
        (work.stdin or Path(os.devnull)).open("rb") as stdin,
        (work.stdout or Path(os.devnull)).open("wb") as stdout,
    ):
        start = time.perf_counter()
        process = subprocess.Popen(work.argv, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)
        complaint = process.stderr.read().decode() if process.stderr else ""
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(work.argv)}: {complaint}")
    return Measured(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def report(found: Mapping[str, Sequence[Measured]], events: int) -> int:
    """Print the table, and whether targets are met."""
    print(f"{events} events, kernel {os.uname().release}, {os.cpu_count()} CPUs")
    print(f"{'':40}{'seconds':>9}{'CPU s':>9}{'MB':>7}")
    missed = []
    for work, runs in found.items():
        medians = [statistics.median(values) for values in zip(*runs, strict=True)]
        mark = f" (target {TARGETS[work]:.0f})" if work in TARGETS else ""
        print(f"{work + mark:40}{medians[0]:9.2f}{medians[1]:9.2f}{medians[2]:7.0f}")
        if work in TARGETS and medians[0] > TARGETS[work] * events / 1e6:
            missed.append(work)
    print(f"targets, seconds for a million events: {'missed by ' + ', '.join(missed) if missed else 'met'}")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main())
