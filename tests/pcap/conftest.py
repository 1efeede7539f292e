"""What captures are read with, and where they are written."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tracer_core.testing.pytest_plugin import unavailable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one: short names in messages."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True, scope="module")
def _readers() -> None:
    missing = [name for name in ("tshark", "capinfos", "tcpdump", "prlimit") if shutil.which(name) is None]
    if missing:
        unavailable("tshark", f"needs {', '.join(missing)}")
