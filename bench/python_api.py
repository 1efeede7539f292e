#!/usr/bin/env python3
"""How many events a second a Python program takes from a file, by what it looks at.

    python bench/python_api.py [--events N] [--rounds N] [--json]

The events are those of bench/convert.py, as Arrow, or with --json as JSON lines. Seconds for a million, medians of the
rounds, which are run in turns; and how many times as long it takes as pyarrow's ``to_pylist()``, which makes all of it
plain objects, whatever is looked at. Beside it *retis*, the library of PyPI, on the same events as JSON lines, where it
is installed. Needs no privileges.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.ipc

import tracer_core as tracer
from tracer_core.testing.command import executable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TARGETS = {"pass by": 3.0, "common.timestamp": 6.0, "skb_tracking.skb": 8.0, "str()": 20.0}
"""Seconds for a million events."""

LOOKS: dict[str, Callable[[Any], object]] = {
    "pass by": lambda event: event,
    "common.timestamp": lambda event: event.common.timestamp,
    "skb_tracking.skb": lambda event: event.skb_tracking.skb,
    "str()": str,
    "to_dict()": lambda event: event.to_dict(),
}


def main() -> int:
    """Measure, and print a table.

    Returns:
        1 if a target is missed.
    """
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=300_000, help="default: 300000")
    parser.add_argument("--rounds", type=int, default=3, help="default: 3")
    parser.add_argument("--json", action="store_true", help="read JSON lines instead of Arrow")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        arrow, lines = Path(name, "events.arrow"), Path(name, "events.json")
        make = Path(__file__).with_name("convert.py")
        subprocess.run([sys.executable, make, "--events", str(arguments.events), "--make", arrow], check=True)
        subprocess.run([executable(), "--log-level=error", "convert", arrow, lines], check=True)
        works = works_on(arrow, lines, tracer.open(lines if arguments.json else arrow))
        found: dict[str, list[float]] = {work: [] for work in works}
        for _ in range(arguments.rounds):
            for work, do in works.items():
                start = time.perf_counter()
                do()
                found[work].append((time.perf_counter() - start) / arguments.events * 1e6)
    return report({work: statistics.median(seconds) for work, seconds in found.items()}, is_json=arguments.json)


def works_on(arrow: Path, lines: Path, file: tracer.EventFile) -> dict[str, Callable[[], object]]:
    """What is measured."""

    def looking(events: Callable[[], Iterable[Any]], look: Callable[[Any], object]) -> Callable[[], object]:
        def work() -> None:
            for event in events():
                look(event)

        return work

    def plain() -> None:
        with pyarrow.ipc.open_stream(arrow) as stream:
            for batch in stream:
                batch.to_pylist()

    works: dict[str, Callable[[], object]] = {"pyarrow, to_pylist()": plain}
    works |= {what: looking(lambda: file, look) for what, look in LOOKS.items()}
    works["journeys"] = looking(file.journeys, lambda journey: journey)
    works["arrow()"] = lambda: file.arrow().read_all()
    works["polars()"] = file.polars
    if find_spec("retis"):
        import retis  # noqa: PLC0415 - may be missing

        # its first event has no such sections
        def theirs() -> Iterable[Any]:
            events: Iterator[Any] = iter(retis.EventReader(str(lines)))
            next(events)
            return events

        works |= {f"retis, {what}": looking(theirs, look) for what, look in LOOKS.items()}
    return works


def report(found: dict[str, float], *, is_json: bool) -> int:
    """Print it, and look at the targets, which are those for Arrow."""
    plain = found["pyarrow, to_pylist()"]
    missed = []
    print(f"{'a million events':<26}{'s':>8}{'ratio':>8}")
    for work, seconds in found.items():
        target = TARGETS.get(work) if not is_json else None
        too_slow = target is not None and seconds > target
        missed += [work] if too_slow else []
        print(f"{work:<26}{seconds:8.2f}{seconds / plain:8.2f}{f'  target {target}' if target else ''}")
    if missed:
        print(f"missed: {', '.join(missed)}")
    return bool(missed)


if __name__ == "__main__":
    sys.exit(main())
