#!/usr/bin/env python3
"""How long ``tracer inspect`` takes for all functions of the kernel, and ``-v``, which says who reads what at each.

They are asked for by ``kprobe:*``, so that they are listed where they cannot be probed, too.

    python bench/inspection.py [--runs N]

Medians, each run a process of its own, in turns with the floor: a Python that imports numpy and reads the files that
must be read, which are the types of the kernel and of its modules, its symbols and what tracefs lists.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from tracer_core.testing.command import executable

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = 2.0  # seconds, on the reference machine when it is quiet

FLOOR = """
import contextlib
import pathlib
import numpy
tracefs = pathlib.Path("/sys/kernel/tracing")
names = [*pathlib.Path("/sys/kernel/btf").iterdir(), pathlib.Path("/proc/kallsyms")]
names += [tracefs / name for name in ("available_events", "available_filter_functions")]
for name in names:
    with contextlib.suppress(OSError):
        name.read_bytes()
"""


class Took(NamedTuple):
    """Seconds on the clock, and of a processor."""

    clock: float
    processor: float


def run(command: Sequence[str]) -> tuple[Took, int]:
    """What a command took, and how many lines it wrote."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    result = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    clock, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(clock, processor), result.stdout.count(b"\n")


def main() -> int:
    """Measure and print. The exit code says whether the target was met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7, metavar="N")
    runs = parser.parse_args().runs
    tracer = str(executable())
    commands = {
        "floor": [sys.executable, "-c", FLOOR],
        "functions": [tracer, "inspect", "-p", "kprobe:*"],
        "functions, with -v": [tracer, "inspect", "-v", "-p", "kprobe:*"],
    }
    took: dict[str, list[Took]] = {name: [] for name in commands}
    lines = {}
    for _ in range(runs):
        for name, command in commands.items():
            one, lines[name] = run(command)
            took[name].append(one)
    print(f"Linux {os.uname().release}, {runs} runs each; seconds, medians")
    print(f"{'':20} {'clock':>8} {'processor':>10} {'lines':>7}")
    for name, all_of in took.items():
        clock, processor = (statistics.median(values) for values in zip(*all_of, strict=True))
        print(f"{name:20} {clock:8.2f} {processor:10.2f} {lines[name]:7}")
    met = statistics.median(one.clock for one in took["functions"]) <= TARGET
    print(f"target {TARGET} s: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
