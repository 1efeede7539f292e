"""The kernels of the lab, by short name, and the package that each stands for today.

Nothing is pinned: a suite moves on, and the newest package of a series is taken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.errors import LabError

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True)
class Series:
    """Kernels of one series in one suite of the distribution.

    Attributes:
        name: What developers call it.
        suite: Where packages of it are.
        release: A pattern for the releases that belong to it.
    """

    name: str
    suite: str
    release: str


KERNELS = {
    series.name: series
    for series in (
        Series("5.10", "bullseye", r"5\.10\."),
        Series("6.1", "bookworm", r"6\.1\."),
        Series("6.12", "trixie", r"6\.12\."),
        Series("6.18", "trixie-backports", r"6\.18\."),
        Series("7.x", "trixie-backports", r"7\."),
    )
}

FEW = ("6.1", "6.12")
"""What ``make test-lab`` runs."""

_IMAGE = re.compile(r"linux-image-(?P<release>\d+\.\d+[^- ]*(?:-\d+)?-amd64)")
_NUMBERS = re.compile(r"\d+")


def series(name: str) -> Series:
    """The series of that name.

    Raises:
        LabError: there is none.
    """
    try:
        return KERNELS[name]
    except KeyError:
        raise LabError(f"there is no kernel {name!r} in the lab; there are: {', '.join(KERNELS)}") from None


def newest(wanted: Series, packages: Iterable[str]) -> str | None:
    """The newest release of a series: no cloud flavour (it lacks 9p), no real-time one, no debug symbols.

    Args:
        wanted: The series.
        packages: Names of packages, of any kind.
    """
    matches = (_IMAGE.fullmatch(package) for package in packages)
    releases = [match["release"] for match in matches if match]
    fitting = [release for release in releases if re.match(wanted.release, release)]
    return max(fitting, key=_order, default=None)


def _order(release: str) -> tuple[int, ...]:
    # 6.1.0-9 is older than 6.1.0-56, whatever the alphabet says
    return tuple(map(int, _NUMBERS.findall(release.removesuffix("-amd64"))))
