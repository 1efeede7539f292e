"""What became of the tests in the guests, added up."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


@dataclass(frozen=True)
class Counts:
    """How many tests ended how."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Result:
    """One kernel's, or this machine's own.

    Attributes:
        where: Which.
        counts: Of its tests; a kernel that could not be run counts as one test.
        reason: Why there are no other counts, or why they are not all.
        seconds: How long it took.
    """

    where: str
    counts: Counts
    reason: str = ""
    seconds: float = 0.0

    def __str__(self) -> str:
        time = f" in {self.seconds:.0f} s" if self.seconds else ""
        return f"{self.where}: {self.counts}{time}" + (f" ({self.reason})" if self.reason else "")


def total(counts: Iterable[Counts]) -> Counts:
    """The sum."""
    all_of_them = list(counts)
    return Counts(
        sum(one.passed for one in all_of_them),
        sum(one.failed for one in all_of_them),
        sum(one.skipped for one in all_of_them),
    )


def read_junit(path: Path) -> Counts | None:
    """What pytest counted; nothing if it did not live to write it.

    Args:
        path: The file of its option ``--junitxml``.
    """
    try:
        root = ET.parse(path).getroot()  # noqa: S314 - our own pytest wrote it
    except (OSError, ET.ParseError):
        return None
    found = []
    for suite in root.iter("testsuite"):
        failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
        skipped = int(suite.get("skipped", 0))
        found.append(Counts(int(suite.get("tests", 0)) - failed - skipped, failed, skipped))
    return total(found)


def judge(counts: Counts | None, status: int, trouble: str) -> tuple[Counts, str]:
    """Counts that fail whenever something went wrong, with the reason if pytest's own do not tell it.

    Args:
        counts: What pytest wrote, if it did.
        status: Its exit status.
        trouble: Why the guest ended, if not with the command.
    """
    if counts is not None and (status == 0 or counts.failed):
        return counts, ""
    reason = trouble.partition("\n")[0] or f"pytest ended with {status}"
    return total([counts or Counts(), Counts(failed=1)]), reason
