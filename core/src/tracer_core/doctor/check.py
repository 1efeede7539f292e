"""Checks and what comes of them; they know nothing of what is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tracer_core.backend.features import Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tracer_core.doctor.system import System


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        status: ``denied`` if privileges or policy refuse it, ``missing`` if it is not there.
        detail: One line: what was found, or what is wrong and what it would be for.
        fix: One line: what to do, if not ok.
    """

    status: Status
    detail: str
    fix: str = ""


def ok(detail: str) -> Finding:
    """What a check found that found nothing wrong."""
    return Finding(Status.OK, detail)


def missing(detail: str, fix: str) -> Finding:
    """It is not there."""
    return Finding(Status.MISSING, detail, fix)


def denied(detail: str, fix: str) -> Finding:
    """It is there, but we may not use it."""
    return Finding(Status.DENIED, detail, fix)


@dataclass(frozen=True, slots=True)
class Check:
    """One question to the machine.

    Attributes:
        name: A word or two, as shown.
        run: Finds out; changes nothing and leaves nothing behind.
        required: Whether ``tracer collect`` on raw tracepoints depends on it.
    """

    name: str
    run: Callable[[System], Finding]
    required: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A check and what it found."""

    name: str
    required: bool
    finding: Finding

    @property
    def blocks(self) -> bool:
        """Whether ``tracer collect`` cannot work because of it."""
        return self.required and self.finding.status is not Status.OK

    def as_json(self) -> dict[str, Any]:
        """The row as an object of ``tracer doctor --json``."""
        return {
            "name": self.name,
            "status": self.finding.status.value,
            "required": self.required,
            "detail": self.finding.detail,
            "fix": self.finding.fix,
        }


def examine(system: System, checks: Iterable[Check]) -> list[Row]:
    """Run checks in order; one that breaks becomes a row like any other."""
    return [Row(check.name, check.required, _guarded(check, system)) for check in checks]


def _guarded(check: Check, system: System) -> Finding:
    try:
        return check.run(system)
    except PermissionError as error:
        return denied(_told(error), "run as root")
    except Exception as error:  # noqa: BLE001 the command people run when things are broken
        return missing(f"the check failed: {_told(error)}", "please report this")


def _told(error: Exception) -> str:
    return " ".join(f"{type(error).__name__}: {error}".split())
