#!/usr/bin/env python3
"""Where the time goes until probes are loaded, and what ``tracer --version`` costs.

    python bench/startup.py [--runs N] [--version-runs N] [--json]

Medians: other work on the machine makes single runs slow, never fast. What is compared is run in turns. *All* is
every collector that can run here, at eight tracepoints. The first part
needs root, and traces in two network namespaces that it makes; without root it is left out, and said to be. A cold
start compiles, a warm one finds the code in the cache (``TRACER_CACHE_DIR``, here a folder that goes away).
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tracer_core.testing.command import NotReadyError, end_with_parent, executable, interrupt
from tracer_core.testing.netns import remove_leftovers, two_namespaces

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "tracer-bench"
PASSED = (
    "netif_receive_skb",
    "net_dev_start_xmit",
    "net_dev_queue",
    "net_dev_xmit",
    "netif_rx",
    "napi_gro_receive_entry",
)
EXAMPLES = {
    "skb": ("-c", "skb", "-p", "tp:net:netif_receive_skb", "-p", "tp:net:net_dev_start_xmit"),
    "all": (*(word for name in PASSED for word in ("-p", f"tp:net:{name}")), "-p", "tp:skb:consume_skb"),
}
PHASES = ("kernel view", "plan", "compose", "compile", "load", "attach")
OTHER = "interpreter and imports"
TOTAL = "until the ready file exists"
COLD, WARM = "cold", "warm"
TARGETS_READY = {
    "skb": {COLD: 700.0, WARM: 300.0},
    "all": {COLD: 1700.0},
}  # ms, on the reference machine when it is quiet
TARGET_RATIO = 1.5
_PHASE = re.compile(r"phase (.+): ([\d.]+) ms")
_POLL = 0.0005  # seconds
_PATIENCE = 60.0  # seconds


def main() -> int:
    """Run both parts and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11, help="of tracer collect, cold and warm (default: 11)")
    parser.add_argument("--version-runs", type=int, default=21, help="of tracer --version (default: 21)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    result: dict[str, object] = {"kernel": os.uname().release, "processors": os.cpu_count()}
    code, reason = 0, "" if os.geteuid() == 0 else "tracing needs root"
    try:
        if not reason:
            result["collect"] = {name: collect(example, arguments.runs) for name, example in EXAMPLES.items()}
    except (NotReadyError, subprocess.CalledProcessError) as error:
        code, reason = 1, str(error)
    result["version"] = version(arguments.version_runs)
    if arguments.json:
        print(json.dumps(result, indent=2))
    else:
        print_tables(result, reason)
    return code


def collect(example: Sequence[str], runs: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of every phase, in order, of cold and of warm starts."""
    remove_leftovers(PREFIX)
    measured: dict[str, list[dict[str, float]]] = {COLD: [], WARM: []}
    with two_namespaces(PREFIX) as both, tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as folder:
        arguments = [*example, "--netns", both.a.name, "--netns", both.b.name]
        for number in range(runs + 1):
            for start, values in measured.items():
                cache = Path(folder, start)
                if start == COLD:
                    shutil.rmtree(cache, ignore_errors=True)
                run = one_run(arguments, Path(folder), cache)
                if number:  # the first fills the caches of files, and ours
                    values.append(run)
    return {
        start: {name: statistics.median(run[name] for run in values) for name in (OTHER, *PHASES, TOTAL)}
        for start, values in measured.items()
    }


def one_run(arguments: Sequence[str], folder: Path, cache: Path) -> dict[str, float]:
    """Milliseconds of every phase of one run."""
    ready, log = folder / "ready", folder / "log"
    ready.unlink(missing_ok=True)
    command = [str(executable()), "--log-level", "debug", "collect", *arguments, "--ready-file", str(ready)]
    with log.open("wb") as err:
        start = time.perf_counter()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=err,
            env={**os.environ, "TRACER_CACHE_DIR": str(cache)},
            preexec_fn=end_with_parent,  # noqa: PLW1509 - one system call, no lock
        )
        while not ready.exists():
            if process.poll() is not None or time.perf_counter() - start > _PATIENCE:
                break
            time.sleep(_POLL)
        total = (time.perf_counter() - start) * 1e3
    interrupt(process, _PATIENCE)
    text = log.read_text()
    if not ready.exists():
        raise NotReadyError(text.strip())
    phases = {name: float(milliseconds) for name, milliseconds in _PHASE.findall(text)}
    known = {name: phases.get(name, 0.0) for name in PHASES}
    return {OTHER: total - sum(known.values()), **known, TOTAL: total}


def version(runs: int) -> dict[str, float]:
    """Median milliseconds of ``tracer --version`` and of importing click, and the ratio."""
    commands = {
        "import click": [sys.executable, "-c", "import click"],
        "tracer --version": [str(executable()), "--version"],
    }
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            if number:  # the first fills the caches of files
                times[name].append((time.perf_counter() - start) * 1e3)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {**medians, "ratio": medians["tracer --version"] / medians["import click"]}


def print_tables(result: dict[str, object], reason: str) -> None:
    """Both parts, with what they are meant to be."""
    print(f"kernel {result['kernel']}, {result['processors']} processors; medians in ms")
    measured = result.get("collect")
    if isinstance(measured, dict):
        for example, times in measured.items():
            print(f"\ntracer collect {' '.join(EXAMPLES[example])}")
            print(f"  {'':<28}{COLD:>8}{WARM:>8}")
            for name in times[COLD]:
                print(f"  {name:<28}{times[COLD][name]:8.1f}{times[WARM][name]:8.1f}")
            targets = (f"{TARGETS_READY[example].get(start, math.nan):8.0f}" for start in (COLD, WARM))
            print(f"  {'target, when quiet':<28}{''.join(targets).replace('nan', '   ')}")
    else:
        print(f"\ntracer collect was not measured: {reason}")
    medians = result["version"]
    assert isinstance(medians, dict)  # noqa: S101 - for the type checker
    print()
    for name, value in medians.items():
        target = f"  (target: at most {TARGET_RATIO})" if name == "ratio" else ""
        print(f"  {name:<28}{value:8.{2 if name == 'ratio' else 1}f}{target}")


if __name__ == "__main__":
    sys.exit(main())
