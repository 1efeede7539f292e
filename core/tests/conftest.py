"""Collectors installed for one test, and recorded kernels."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing.kernels import recorded_kernel, recorded_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tracer_core.kernel.base import BtfKernel

DISTRIBUTIONS = Path(__file__).resolve().parents[2] / "tests/fixtures/distributions"


@pytest.fixture(params=recorded_names())
def kernel(request: pytest.FixtureRequest) -> BtfKernel:
    """Each kernel that was recorded."""
    return recorded_kernel(request.param)


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
