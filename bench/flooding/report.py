"""Tables of what was measured, and what it should be."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from bench.flooding.rounds import Result, Round

TARGET_EMPTY = 1.5, 150.0  # times the cost of an empty program, and ns more
TARGET_CPU = 0.8  # µs per event
TARGET_SIZE = 30.0  # bytes per event
TARGET_MEMORY = 300.0  # MB
TARGET_GROWTH = 1.1  # memory after many floods to memory after one
HEAD = (
    ("variant", "---"),
    ("tracepoints", "---:"),
    ("packets/s", "---:"),
    ("added, ns/packet", "---:"),
    ("on the path, ns/event", "---:"),
    ("to empty", "---:"),
    ("in programs, ns/event", "---:"),
    ("kept", "---:"),
    ("lost", "---:"),
    ("kept + lost = hits", "---"),
    ("CPU, s", "---:"),
    ("CPU, µs/event kept", "---:"),
    ("end, s", "---:"),
    ("peak memory, MB", "---:"),
    ("bytes/event", "---:"),
)


def table(results: Sequence[Result]) -> list[str]:
    """Lines of Markdown: a row for each tool."""
    lines = [_row(name for name, _ in HEAD), _row(line for _, line in HEAD)]
    lines += [_row(_cells(result, _floor(results, result))) for result in results]
    return lines


def notes(results: Sequence[Result]) -> list[str]:
    """How much rounds differ, and what did not arrive."""
    alone = [each.alone for result in results for each in result.rounds]
    if not alone:
        return []
    times = sorted(sent.seconds / sent.packets * 1e9 for sent in alone)
    low, middle, high = statistics.quantiles(times, n=4) if len(times) > 1 else times * 3
    fewer = [each.sent for result in results for each in result.rounds if each.sent.arrived != each.sent.packets]
    used = statistics.median(sent.cpu / sent.packets * 1e9 for sent in alone)
    return [
        f"A packet without tracing, in {len(times)} floods: {middle:.0f} ns, quartiles {low:.0f} and {high:.0f}.",
        f"Of the sender's CPU: {used:.0f} ns.",
        f"Floods of which not every packet arrived: {len(fewer)}.",
    ]


def targets(results: Sequence[Result]) -> list[str]:
    """Lines of Markdown: a row for each target."""
    by_key = {result.tool.key: result for result in results if result.rounds}
    arrow = [by_key[key] for key in ("arrow-1", "arrow-2") if key in by_key]
    lines = [_row(("target", "", "measured")), _row(("---", "---", "---"))]
    for text, judge in (
        ("one tracepoint, Arrow: median 0 events lost, all accounted for", _losses),
        (f"on the packet's path at most {TARGET_EMPTY[0]} times empty + {TARGET_EMPTY[1]:.0f} ns/event", _path),
        (f"CPU, Arrow: at most {TARGET_CPU} µs/event", _cpu),
        (f"on disk, Arrow: at most {TARGET_SIZE:.0f} bytes/event", _size),
        (f"peak memory, with the compiler: at most {TARGET_MEMORY:.0f} MB", _memory),
        (f"memory is flat: after all floods of a run at most {TARGET_GROWTH} times after the first", _flat),
    ):
        judged = [(result.tool.tracepoints, *verdict) for result in arrow if (verdict := judge(result, results))]
        if judged:
            met = "met" if all(good for _, good, _ in judged) else "missed"
            measured = "; ".join(f"{number} tp: {figures}" for number, _, figures in judged)
            lines.append(_row((text, met, measured)))
        else:
            lines.append(_row((text, "not measured", "")))
    return lines


def added(each: Round) -> float:
    """Nanoseconds by which a packet takes longer than in the flood right before."""
    return (each.sent.seconds / each.sent.packets - each.alone.seconds / each.alone.packets) * 1e9


def on_path(result: Result) -> list[float]:
    """Nanoseconds of the sender's CPU that an event costs, of each round, compared with the flood right before it."""
    events = max(result.tool.tracepoints, 1)
    return [
        (each.sent.cpu / each.sent.packets - each.alone.cpu / each.alone.packets) * 1e9 / events
        for each in result.rounds
    ]


def _losses(result: Result, _: Sequence[Result]) -> tuple[bool, str] | None:
    if result.tool.tracepoints != 1:
        return None
    lost = [each.count.lost for each in result.rounds if each.count]
    good = statistics.median(lost) == 0 and not any(_missing(each, 1) for each in result.rounds)
    return good, f"median {statistics.median(lost):.0f}, most {max(lost)}, {_accounted(result)}"


def _path(result: Result, results: Sequence[Result]) -> tuple[bool, str] | None:
    floor = _floor(results, result)
    if floor is None:
        return None
    ours, least = (statistics.median(on_path(each)) for each in (result, floor))
    limit = TARGET_EMPTY[0] * least + TARGET_EMPTY[1]
    return ours <= limit, f"{ours:.0f} ns, limit {limit:.0f} (empty {least:.0f})"


def _cpu(result: Result, _: Sequence[Result]) -> tuple[bool, str] | None:
    figures = f"{(value := _per_event(result)):.2f} µs"
    if result.long:
        figures += f" ({result.long.per_event * 1e6:.2f} for one more event in a long run)"
    return value <= TARGET_CPU, figures


def _size(result: Result, _: Sequence[Result]) -> tuple[bool, str] | None:
    value = _bytes(result)
    return value <= TARGET_SIZE, f"{value:.1f}"


def _memory(result: Result, _: Sequence[Result]) -> tuple[bool, str] | None:
    if result.close is None:
        return None
    value = result.close.peak / 1e6
    return value <= TARGET_MEMORY, f"{value:.0f} MB"


def _flat(result: Result, _: Sequence[Result]) -> tuple[bool, str] | None:
    if result.long is None:
        return None
    held = result.long.held
    return held[-1] <= TARGET_GROWTH * held[0], ", ".join(f"{value / 1e6:.0f}" for value in held) + " MB"


def _cells(result: Result, floor: Result | None) -> list[str]:
    tool, rounds = result.tool, result.rounds
    cells = [tool.title, str(tool.tracepoints)]
    if not rounds:
        return [*cells, f"not measured: {result.trouble}"]
    if result.trouble:
        cells[0] += f" ({len(rounds)} round(s) only: {result.trouble})"
    cells.append(f"{_median(rounds, lambda each: each.sent.packets / each.sent.seconds):,.0f}")
    cells.append(f"{_median(rounds, added):.0f}")
    cells.append(_spread(path := on_path(result)))
    least = statistics.median(on_path(floor)) if floor else 0.0
    cells.append(f"{statistics.median(path) / least:.1f}" if least > 0 else "")
    cells.append(f"{result.close.program:.0f}" if result.close and result.close.program else "")
    if rounds[0].count is None:
        return cells
    kept, lost = ([count(each) for each in rounds] for count in (_kept, _lost))
    cells += [f"{statistics.median(kept):,.0f}", f"{statistics.median(lost):,.0f}"]
    if max(lost) != min(lost):
        cells[-1] += f" ({min(lost):,} to {max(lost):,})"
    cells += [_accounted(result), f"{_median(rounds, lambda each: each.cpu):.2f}", f"{_per_event(result):.2f}"]
    cells.append(f"{_median(rounds, lambda each: each.ending):.2f}")
    cells.append(f"{result.close.peak / 1e6:.0f}" if result.close else "")
    cells.append(f"{size:.1f}" if (size := _bytes(result)) else "")
    return cells


def _floor(results: Sequence[Result], result: Result) -> Result | None:
    """Empty programs at as many tracepoints."""
    for other in results:
        if other.tool.group == "empty" and other.tool.tracepoints == result.tool.tracepoints and other.rounds:
            return other
    return None


def _accounted(result: Result) -> str:
    missing = [_missing(each, result.tool.tracepoints) for each in result.rounds]
    exact = missing.count(0)
    if exact == len(missing):
        return "always"
    worst = max(missing, key=abs)
    return f"in {exact} of {len(missing)} rounds; {abs(worst):,} too {'few' if worst > 0 else 'many'}"


def _missing(each: Round, tracepoints: int) -> int:
    """Hits that nobody told of."""
    return each.sent.hits(tracepoints) - _kept(each) - _lost(each)


def _kept(each: Round) -> int:
    return each.count.kept if each.count else 0


def _lost(each: Round) -> int:
    return each.count.lost if each.count else 0


def _spread(values: Sequence[float]) -> str:
    """The median, and half of the distance of the quartiles."""
    if len(values) < 2:
        return f"{values[0]:.0f}"
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.0f} ± {(high - low) / 2:.0f}"


def _per_event(result: Result) -> float:
    return _median(result.rounds, lambda each: each.cpu / max(_kept(each), 1) * 1e6)


def _bytes(result: Result) -> float:
    return _median(result.rounds, lambda each: (each.count.size or 0) / max(each.count.kept, 1) if each.count else 0)


def _median(rounds: Sequence[Round], value: Callable[[Round], float]) -> float:
    return statistics.median(map(value, rounds))


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"
