"""Journeys in sorted files, for tests of what puts them together."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.event_json import write_lines

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tracer_core.testing.command import Tracer

    Journey = list[dict[str, Any]]


def journeys(path: Path) -> list[Journey]:
    """Of a file of sorted JSON lines."""
    _, *series = [json.loads(line) for line in path.read_text().splitlines()]
    return [some for some in series if "common" in some[0] and "end" not in some[0].get("tracer", {})]


def sorted_afterwards(tracer: Tracer, path: Path) -> list[Journey]:
    """The journeys that ``tracer sort`` makes of all events of a sorted file."""
    (first,) = json.loads(path.read_text().splitlines()[0])
    events = [one for some in journeys(path) for one in some]
    plain = [{name: value for name, value in one.items() if name != "tracking"} for one in events]
    plain.sort(key=when)
    given, out = path.with_name("plain.json"), path.with_name("afterwards.json")
    write_lines(given, plain, first)
    result = tracer.run("sort", str(given), "--max-buffer", "0", "-o", str(out))
    assert result.returncode == 0, result.stderr
    return journeys(out)


def when(event: dict[str, Any]) -> int:
    """When it was, in ns."""
    return int(event["common"]["timestamp"])


def unordered(found: Sequence[Journey]) -> list[str]:
    """Journeys in an order of their own, to compare them whatever came first."""
    return sorted(json.dumps(sorted(some, key=when), sort_keys=True) for some in found)


def symbols(journey: Journey) -> list[str]:
    """Where a packet was seen."""
    return [one["kernel"]["symbol"] for one in journey]
