#!/usr/bin/env python3
"""How long it takes to attach to every function that takes a packet, and to detach again.

    python bench/attach.py [--runs N] [--pattern PATTERN]... [-- OPTION...]

Medians, and the longest. The first run compiles, and does not count. Options after ``--`` are those of ``tracer
collect``, instead of some that follow a ping. Needs root and a kernel with kprobes: ``python -m lab run 6.12 --
.venv/bin/python bench/attach.py``. Where there are none, nothing is measured, and that is said.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

from tracer_core.errors import ExitCode
from tracer_core.testing.command import executable

OPTIONS = ("-c", "skb,skb-tracking,ns", "-f", "icmp")
PHASES = ("compile", "load", "attach", "detach")
TARGETS = {"attach": 1000.0, "detach": 1000.0}  # ms, for some 1,400 functions
_PHASE = re.compile(r"phase (.+): ([\d.]+) ms")
_LOADED = re.compile(r"(\d+) probe\(s\) loaded")
_PATIENCE = 600.0  # seconds; an emulated processor is slow


def main() -> int:
    """Run, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3, help="that count (default: %(default)s)")
    parser.add_argument("--pattern", action="append", default=[], help="functions instead of all, as in kprobe:tcp_*")
    parser.add_argument("options", nargs="*", default=list(OPTIONS), help="of tracer collect")
    arguments = parser.parse_args()
    probes = [word for pattern in arguments.pattern for word in ("-p", pattern)] or ["--all-skb"]
    with tempfile.TemporaryDirectory(prefix="tracer-bench-") as cache:
        try:
            first, *rest = (one_run([*probes, *arguments.options], cache) for _ in range(arguments.runs + 1))
        except subprocess.CalledProcessError as error:
            reason = error.stderr.strip().splitlines()[-1]
            print(f"not measured: {reason}")
            return 0 if error.returncode == ExitCode.ENVIRONMENT else 1
    print(f"kernel {os.uname().release}, {os.cpu_count()} processor(s); {first['probes']:.0f} probes; ms")
    print(f"  {'':<10}{'median':>10}{'longest':>10}{'target':>10}")
    for name in PHASES:
        values = [run[name] for run in rest]
        target = f"{TARGETS[name]:.0f}" if name in TARGETS else ""
        print(f"  {name:<10}{statistics.median(values):10.1f}{max(values):10.1f}{target:>10}")
    print(f"  compile, with nothing in the cache: {first['compile']:.0f}")
    return 0


def one_run(options: list[str], cache: str) -> dict[str, float]:
    """Milliseconds of every phase of a run that ends when it is attached, and how many probes there were.

    Raises:
        subprocess.CalledProcessError: it failed.
    """
    result = subprocess.run(
        [str(executable()), "--log-level", "debug", "collect", *options, "--cmd", "true"],
        check=True,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_PATIENCE,
        env={**os.environ, "TRACER_CACHE_DIR": cache},
    )
    phases = {name: float(milliseconds) for name, milliseconds in _PHASE.findall(result.stderr)}
    loaded = _LOADED.search(result.stderr)
    return {**phases, "probes": float(loaded[1] if loaded else 0)}


if __name__ == "__main__":
    sys.exit(main())
