"""For tests that run in guests: ``make test-lab``."""

from __future__ import annotations

import os

import pytest

from lab.guest import VARIABLE
from tracer_core.testing.pytest_plugin import unavailable


@pytest.fixture(scope="session", autouse=True)
def kernel() -> str:
    """Short name of the kernel that we are under, as in ``6.1``."""
    name = os.environ.get(VARIABLE)
    if name is None:
        unavailable("lab", "runs in a guest of the lab: make test-lab")
    return name
