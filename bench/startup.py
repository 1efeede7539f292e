#!/usr/bin/env python3
"""Where the time goes until probes are loaded, and what commands cost that are soon done.

    python bench/startup.py [--runs N] [--short-runs N] [--json]

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

from tracer_core.events.about import about_run
from tracer_core.sections import Event, Header, Packet, ProbeInfo
from tracer_core.testing.command import NotReadyError, end_with_parent, executable, interrupt
from tracer_core.testing.events import written_json
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
CLICK, PRINT = "import click", "tracer print"
TARGETS_RATIO = {"tracer --version": 1.5, "tracer --help": 1.5}  # to importing click
TARGET_PRINT = 500.0  # ms, of a small file
EVENTS = 100  # of that
_PHASE = re.compile(r"phase (.+): ([\d.]+) ms")
_POLL = 0.0005  # seconds
_PATIENCE = 60.0  # seconds


def main() -> int:
    """Run both parts and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=11, help="of tracer collect, cold and warm (default: 11)")
    parser.add_argument("--short-runs", type=int, default=21, help="of tracer --help and the like (default: 21)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    result: dict[str, object] = {"kernel": os.uname().release, "processors": os.cpu_count()}
    code, reason = 0, "" if os.geteuid() == 0 else "tracing needs root"
    try:
        if not reason:
            result["collect"] = {name: collect(example, arguments.runs) for name, example in EXAMPLES.items()}
    except (NotReadyError, subprocess.CalledProcessError) as error:
        code, reason = 1, str(error)
    result["short"] = short(arguments.short_runs)
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
        for number in range(unmeasured(runs), runs):
            for start, values in measured.items():
                cache = Path(folder, start)
                if start == COLD:
                    shutil.rmtree(cache, ignore_errors=True)
                run = one_run(arguments, Path(folder), cache)
                if number >= 0:
                    values.append(run)
    return {
        start: {name: statistics.median(run[name] for run in values) for name in (OTHER, *PHASES, TOTAL)}
        for start, values in measured.items()
    }


def unmeasured(runs: int) -> int:
    """The number of the first run: below 0 for one that fills caches and is not counted, where there are others."""
    return -1 if runs > 1 else 0


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


def short(runs: int) -> dict[str, dict[str, float]]:
    """Median milliseconds of commands that are soon done, and how many times longer than importing click that is."""
    with tempfile.TemporaryDirectory(prefix=f"{PREFIX}-") as folder:
        lines, file = written_json(Path(folder, "small.json"), [_EVENT] * EVENTS, _ABOUT), Path(folder, "small.arrow")
        subprocess.run([str(executable()), "convert", str(lines), str(file)], check=True, stderr=subprocess.DEVNULL)
        commands = {
            CLICK: [sys.executable, "-c", "import click"],
            **{name: [str(executable()), name.split()[1]] for name in TARGETS_RATIO},
            PRINT: [str(executable()), "print", str(file)],
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for number in range(unmeasured(runs), runs):
            for name, command in commands.items():
                start = time.perf_counter()
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
                if number >= 0:
                    times[name].append((time.perf_counter() - start) * 1e3)
    medians = {name: statistics.median(values) for name, values in times.items()}
    return {name: {"ms": value, "ratio": value / medians[CLICK]} for name, value in medians.items()}


_EVENT = Event(
    Header(2048, 0, 0, 10, 10, 1, 0, b"ping"),
    ProbeInfo("net:netif_receive_skb", "raw_tracepoint", "tp"),
    {"packet": Packet(60, 60, bytes(60))},
)
_ABOUT = about_run(["tracer", "collect"], [_EVENT.probe], {}, {"packet": 1})


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
    measured = result["short"]
    assert isinstance(measured, dict)  # noqa: S101 - for the type checker
    print(f"\n  {'':<28}{'ms':>8}{'ratio':>8}")
    for name, values in measured.items():
        target = f"  (target: ratio at most {TARGETS_RATIO[name]})" if name in TARGETS_RATIO else ""
        target = f"  (target: at most {TARGET_PRINT:.0f} ms)" if name == PRINT else target
        print(f"  {name:<28}{values['ms']:8.1f}{values['ratio']:8.2f}{target}")


if __name__ == "__main__":
    sys.exit(main())
