"""For the tests of the whole: what takes long to make, once for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.packages import build_wheels

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel of every package."""
    folder = tmp_path_factory.mktemp("wheels")
    build_wheels(folder)
    return folder
