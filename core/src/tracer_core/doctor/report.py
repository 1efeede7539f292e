"""All checks of the core in the order shown, and how the report reads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tracer_core.doctor import cache, changes, kernel, privileges, probes, program
from tracer_core.doctor.check import Check, Row, examine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tracer_core.doctor.system import System


def checks(system: System) -> tuple[Check, ...]:
    """Every check that the core has."""
    return (
        *program.CHECKS,
        *privileges.CHECKS,
        *kernel.CHECKS,
        *probes.checks(system),
        *program.OPTIONAL_CHECKS,
        *cache.CHECKS,
        *changes.CHECKS,
    )


def diagnose(system: System) -> list[Row]:
    """Run all checks."""
    return examine(system, checks(system))


def blocking(rows: Sequence[Row]) -> list[str]:
    """Names of the checks for which ``tracer collect`` cannot work."""
    return [row.name for row in rows if row.blocks]


def as_text(rows: Sequence[Row]) -> list[str]:
    """Lines: what is required, what is optional, the verdict."""
    width = max((len(row.name) for row in rows), default=0)
    lines: list[str] = []
    for title, required in (("Required to collect:", True), ("Optional:", False)):
        lines.append(title)
        for row in rows:
            if row.required is not required:
                continue
            finding = row.finding
            lines.append(f"  {finding.status.value:<7}  {row.name:<{width}}  {finding.detail}")
            if finding.fix:
                lines.append(f"  {'':<7}  {'':<{width}}  fix: {finding.fix}")
        lines.append("")
    faults = blocking(rows)
    lines.append(f"tracer collect cannot work here: {', '.join(faults)}" if faults else "tracer collect can work here.")
    return lines


def as_json(rows: Sequence[Row]) -> dict[str, Any]:
    """The same for programs."""
    return {"ok": not blocking(rows), "checks": [row.as_json() for row in rows]}
