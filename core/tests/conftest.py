"""Collectors installed for one test."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DISTRIBUTIONS = Path(__file__).resolve().parents[2] / "tests/fixtures/distributions"


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Put distributions on the path, by their folders in ``tests/fixtures/distributions``, in this order."""
    before = set(sys.modules)

    def put(*folders: str) -> None:
        for folder in reversed(folders):
            monkeypatch.syspath_prepend(DISTRIBUTIONS / folder)

    yield put
    for name in set(sys.modules) - before:
        if name.startswith("fixture_"):
            del sys.modules[name]
