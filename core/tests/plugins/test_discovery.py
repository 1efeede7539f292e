"""Who is announced: nothing is imported, nobody's damage disturbs the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.plugins.host import Host
from tracer_core.plugins.metadata import candidates

if TYPE_CHECKING:
    from collections.abc import Callable

DISTRIBUTIONS = Path(__file__).resolve().parents[3] / "tests/fixtures/distributions"


def announced(distribution: str = "") -> list[tuple[str, str, str]]:
    found = [(c.name, c.distribution, c.version) for c in candidates()]
    return [row for row in found if not distribution or row[1] == distribution]


def test_candidates_say_which_distribution_brings_them(install: Callable[..., None]) -> None:
    install("good")
    assert announced("fixture-good") == [("sample", "fixture-good", "1.2")]


def test_candidates_are_sorted_by_name_and_then_by_distribution(install: Callable[..., None]) -> None:
    install("twins", "duplicate_two", "good", "duplicate_one")
    assert announced() == sorted(announced())
    assert [row for row in announced() if row[0] == "double"] == [
        ("double", "fixture-one", "1.0"),
        ("double", "fixture-two", "2.0"),
    ]


def test_a_distribution_that_is_on_the_path_twice_is_one(install: Callable[..., None]) -> None:
    install("good", "good")
    assert len(announced("fixture-good")) == 1


def test_a_damaged_installation_disturbs_nobody(install: Callable[..., None]) -> None:
    install("damaged", "good")
    assert announced("fixture-good") == [("sample", "fixture-good", "1.2")]


def test_a_collector_of_a_distribution_without_a_name_is_still_listed(install: Callable[..., None]) -> None:
    install("damaged")
    assert ("nameless", "", "") in announced()


def test_discovery_imports_no_collector(install: Callable[..., None]) -> None:
    install("good", "unimportable", "raising")
    Host()
    assert [name for name in sys.modules if name.startswith("fixture_")] == []


@pytest.mark.parametrize("command", ["host.collector('sample')", "host.names"])
def test_only_collectors_that_are_asked_for_are_imported(command: str) -> None:
    code = f"""
import sys
sys.path[:0] = {[str(DISTRIBUTIONS / name) for name in ("good", "raising", "twins", "unimportable")]}
from tracer_core.plugins.host import Host
host = Host()
{command}
print(*sorted(name for name in sys.modules if name.startswith("fixture_")))
"""
    result = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    expected = ["fixture_good", "fixture_good.plugin"] if "sample" in command else []
    assert result.stdout.split() == expected
