"""The one owner of package metadata: entry points and the distributions that they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from importlib_metadata import EntryPoint

GROUP = "tracer.collectors"
"""Entry-point group in which distributions announce collectors: ``name = "package.module"``."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A collector that some distribution announces. Nothing of it has been imported.

    Attributes:
        name: Of the entry point, which is the collector's name.
        distribution: Name of the distribution, empty if its metadata is damaged.
        version: Of the distribution, empty if its metadata is damaged.
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
        return f"{self.distribution} {self.version}".strip() or f"an unnamed distribution with {self.value}"


def candidates() -> list[Candidate]:
    """All announced collectors, sorted by name, then distribution; duplicates included."""
    from importlib_metadata import distributions  # noqa: PLC0415 - 40 ms that --version need not pay

    found: dict[tuple[str, str], Candidate] = {}
    for distribution in distributions():
        entries = _entries(distribution)
        if not entries:
            continue  # the metadata of all the others is not even read
        name, version = _identity(distribution)
        for entry in entries:
            # a distribution that is on the path twice is one: the first one found is what would be imported
            found.setdefault((entry.name, name), Candidate(entry.name, name, version, entry.value, entry.load))
    return [found[key] for key in sorted(found)]


def _entries(distribution: Any) -> list[EntryPoint]:  # noqa: ANN401 - its name differs between releases
    try:
        return list(distribution.entry_points.select(group=GROUP))
    except Exception:  # noqa: BLE001 - whatever is wrong with somebody's files, it must not disturb the others
        return []


def _identity(distribution: Any) -> tuple[str, str]:  # noqa: ANN401 - ditto
    """Name and version, as far as the metadata is there."""
    try:
        return distribution.metadata["Name"] or "", distribution.version or ""
    except Exception:  # noqa: BLE001 - ditto
        return "", ""
