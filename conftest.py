"""For the tests of all packages: the shared fixtures, and a guard."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

pytest_plugins = ["tracer_core.testing.pytest_plugin"]


@pytest.fixture(autouse=True)
def _environment_is_left_alone() -> Iterator[None]:
    """Tests change variables through ``monkeypatch`` only, which puts them back."""
    before = _environment()
    yield
    changed = before.items() ^ _environment().items()
    assert not changed, f"the test changed the environment: {sorted({name for name, _ in changed})}"


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
