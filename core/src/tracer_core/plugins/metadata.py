"""The one owner of package metadata: entry points and the distributions that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

GROUP = "tracer.collectors"
"""Entry-point group in which distributions announce collectors: ``name = "package.module"``."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A collector that some distribution announces. Nothing of it has been imported.

    Attributes:
        name: Of the entry point, which is the collector's name.
        distribution: Name of the distribution.
        version: Of the distribution.
        value: What the entry point refers to.
        load: Imports it.
    """

    name: str
    distribution: str
    version: str
    value: str
    load: Callable[[], Any]

    @property
    def origin(self) -> str:
        """The distribution as messages name it."""
        return f"{self.distribution} {self.version}".strip()


def candidates() -> list[Candidate]:
    """All announced collectors, sorted by name, then distribution; duplicates included."""
    from importlib_metadata import distributions  # noqa: PLC0415 - 40 ms that --version need not pay

    found: dict[tuple[str, str], Candidate] = {}
    for distribution in distributions():
        name = distribution.metadata["Name"] or ""
        for entry in distribution.entry_points.select(group=GROUP):
            # a distribution that is on the path twice is one: the first one found is what would be imported
            found.setdefault(
                (entry.name, name), Candidate(entry.name, name, distribution.version, entry.value, entry.load)
            )
    return [found[key] for key in sorted(found)]
